"""Numbers with an interval as they are printed: one decimal for points, both ends of it."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, interval_text, value_text

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
DASH = "\N{EN DASH}"


def typeset(text: str) -> str:
    """A number with a real minus sign."""
    return text.replace("-", MINUS)


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
