"""Numbers with an interval as they are printed: one decimal for points, both ends of it."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.words import DASH, typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, interval_text, value_text


@dataclass(frozen=True)
class Shown:
    """An estimate as it is printed."""

    text: str
    interval: str
    """Both ends, or empty."""


def shown(estimate: Estimate, unit: Unit, *, difference: bool = False) -> Shown:
    """An estimate, or a difference of two, with the decimals of its unit.

    All numbers of a column have the same decimals, and the interval says how many of them count.
    """
    text = typeset(value_text(estimate.value, unit, difference=difference))
    if estimate.bounds is None:
        return Shown(text, "")
    between = " to " if unit.signed or difference else DASH
    ends = interval_text(*estimate.bounds, unit, difference=difference, between=between)
    return Shown(text, typeset(ends))
