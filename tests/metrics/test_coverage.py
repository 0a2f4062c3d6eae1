"""A short form of `python -m benchmarks.coverage`: does each printed number keep what it says?"""

import numpy as np
import pytest

from benchmarks.coverage import cases
from benchmarks.simulation import measure

BOARDS = {"means": 60, "noise": 1, "power": 1500}
SHORT = 150
# neighbours of cases that stay: a minute of the long form
LEFT_OUT = {
    *(f"noise: {name}, T = 20" for name in ("at chance", "near chance", "p = .6", "p = .9")),
    *(f"noise: {name}, T = 50" for name in ("at chance", "p = .6, noise shared", "p = .9")),
    "noise: p = .6, noise shared, T = 20",
    *(f"means: 4 x 250 + 250, all {effect}" for effect in (0.05, 0.15, 0.3)),
}


def title(case):
    return f"{case.section}: {case.name}"


def test_what_is_left_out_is_in_the_long_form():
    assert {title(c) for c in cases()} > LEFT_OUT


@pytest.mark.parametrize("case", [c for c in cases() if title(c) not in LEFT_OUT], ids=title)
def test_it_keeps_what_it_says(case):
    value, boards = measure(case, BOARDS.get(case.section, SHORT))
    if case.section == "noise":
        assert 0.8 <= value <= 1.3
        return
    # three standard errors of a share beyond the bounds that the long form holds to
    low, high = case.low, case.high
    assert value >= low - 3 * np.sqrt(low * (1 - low) / boards)
    assert value <= high + 3 * np.sqrt(high * (1 - high) / boards)
