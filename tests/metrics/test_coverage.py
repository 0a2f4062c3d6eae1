"""A short form of `python -m benchmarks.coverage`: does each printed number keep what it says?"""

import numpy as np
import pytest

from benchmarks.coverage import cases
from benchmarks.simulation import measure

BOARDS = {"means": 60, "noise": 1, "power": 1500}
SHORT = 150


@pytest.mark.parametrize(
    "case",
    [c for c in cases() if not (c.section == "noise" and "T = 20" in c.name)],
    ids=lambda c: f"{c.section}: {c.name}",
)
def test_it_keeps_what_it_says(case):
    value, boards = measure(case, BOARDS.get(case.section, SHORT))
    if case.section == "noise":
        assert 0.8 <= value <= 1.3
        return
    # three standard errors of a share beyond the bounds that the long form holds to
    low, high = case.low, case.high
    assert value >= low - 3 * np.sqrt(low * (1 - low) / boards)
    assert value <= high + 3 * np.sqrt(high * (1 - high) / boards)
