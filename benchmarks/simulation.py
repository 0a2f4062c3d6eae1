"""What the cases of `coverage.py` have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Draw = Callable[[np.random.Generator], float]


@dataclass(frozen=True)
class Case:
    """A simulation: `draw` gives 1 or 0 (or, for noise, a ratio), `low` to `high` is right."""

    section: str
    name: str
    draw: Draw
    low: float
    high: float
    boards: int = 1  # of which one draw consists


def measure(case: Case, boards: int) -> tuple[float, int]:
    """The mean over so many boards (seeded by the case's name), and how many there were."""
    rng = np.random.default_rng(list(f"{case.section}/{case.name}".encode()))
    n = max(1, boards // case.boards)
    return float(np.mean([case.draw(rng) for _ in range(n)])), n
