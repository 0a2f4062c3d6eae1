"""Numbers with an interval: how many digits of them are worth printing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, interval_text, value_text

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
DASH = "\N{EN DASH}"
_TWO_DIGITS_UP_TO = 3.55  # Particle Data Group, "Introduction", section 5.3 (rounding)
_MAX_DECIMALS = 2
_EVEN = 2.0  # ends that differ more than this in their distance are both printed


def decimals(half_width: float | None) -> int:
    """Decimals that an interval of this half width supports, 0 to 2.

    The half width is given two significant digits where they are below 3.55, else one (the
    Particle Data Group's rule); the value gets the same decimals. Without an interval: one.
    """
    if half_width is None:
        return 1
    if half_width <= 0:
        return 0
    exponent = math.floor(math.log10(half_width))
    leading = half_width / 10**exponent
    digits = 2 if leading < _TWO_DIGITS_UP_TO else 1
    return min(max(digits - 1 - exponent, 0), _MAX_DECIMALS)


def typeset(text: str) -> str:
    """A number with a real minus sign."""
    return text.replace("-", MINUS)


@dataclass(frozen=True)
class Shown:
    """An estimate as it is printed."""

    text: str
    margin: str
    """`±5`; both ends where they are at very different distances; empty without an interval."""
    interval: str
    """Both ends with a dash, or empty."""
    places: int


def shown(estimate: Estimate, unit: Unit, *, difference: bool = False) -> Shown:
    """An estimate, or a difference of two, in its unit.

    Shares have the decimals that their interval supports, other units those of the unit.
    """
    half = estimate.half_width
    places = unit.places
    if unit.bounds is not None:
        places = decimals(None if half is None else half * unit.scale)
    text = typeset(value_text(estimate.value, unit, places=places, difference=difference))
    if half is None or estimate.bounds is None:
        return Shown(text, "", "", places)
    between = " to " if unit.signed or difference else DASH
    interval = typeset(
        interval_text(*estimate.bounds, unit, places=places, difference=difference, between=between)
    )
    sides = (estimate.value - estimate.bounds[0], estimate.bounds[1] - estimate.value)
    even = max(sides) <= _EVEN * min(sides)
    margin = f"{PLUS_MINUS}{half * unit.scale:.{places}f}" if even or half == 0 else interval
    return Shown(text, margin, interval, places)
