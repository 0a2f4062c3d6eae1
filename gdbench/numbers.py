"""Units of measures, and the one way in which a number of a unit becomes text.

A measure says its unit; terminal and site print by it and never ask which task a number is from.
"""

from __future__ import annotations

from dataclasses import dataclass

_DECIMALS_OF_A_TICK = 1
_SMALLEST_P = 1e-4
# from here on two decimals tell enough of a p-value
_TWO_DECIMALS = 0.1
_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Unit:
    """How the values of a measure are printed."""

    name: str
    scale: float = 1.0
    """What a value is multiplied by to be printed."""
    places: int = 2
    """Decimals, where nothing else is asked for."""
    signed: bool = False
    """Whether the sign is what matters, so that it is always printed."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest value, where there are such; the larger is the better one."""


SHARE = Unit("share", scale=100.0, places=1, bounds=(0.0, 1.0))
"""Means of credits in 0..1, printed as points out of 100."""
GAP = Unit("gap", scale=100.0, signed=True)
"""Differences of errors relative to the error, printed in hundredths of it."""
EFFECT = Unit("effect", signed=True)
"""Effect sizes."""
MAGNITUDE = Unit("magnitude")
"""Means of absolute effect sizes."""


def fixed(value: float, places: int) -> str:
    """A number with so many decimals and no negative zero."""
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def signed(value: float, places: int) -> str:
    """A number that always carries its sign, but for zero."""
    text = fixed(value, places)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"


def value_text(
    value: float | None, unit: Unit, *, places: int | None = None, difference: bool = False
) -> str:
    """A value in its unit, empty for None; a difference of two carries its sign in any unit."""
    if value is None:
        return ""
    digits = unit.places if places is None else places
    number = signed if unit.signed or difference else fixed
    return number(value * unit.scale, digits)


def interval_text(
    low: float | None,
    high: float | None,
    unit: Unit,
    *,
    places: int | None = None,
    difference: bool = False,
    between: str = " to ",
) -> str:
    """Both ends of an interval, empty where one is missing."""
    if low is None or high is None:
        return ""
    ends = (value_text(end, unit, places=places, difference=difference) for end in (low, high))
    return between.join(ends)


def tick_text(value: float, unit: Unit, *, difference: bool = False) -> str:
    """A mark of an axis, where `value` is scaled already."""
    if unit.signed or difference:
        return signed(value, _DECIMALS_OF_A_TICK)
    return fixed(value, 0 if unit.bounds else _DECIMALS_OF_A_TICK)


def count(value: float) -> str:
    """A large number in three digits: 1.23M."""
    for size, prefix in _PREFIXES:
        if value >= size * 0.9995:
            return f"{_three(value / size)}{prefix}"
    return _three(value)


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"  # noqa: PLR2004 # three digits


def seconds(value: float) -> str:
    """A duration in three significant digits with a unit."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if value >= size * 0.9995:
            return f"{_three(value / size)} {unit}"
    return f"{_three(value * 1e6)} \N{MICRO SIGN}s"


def flops(value: float) -> str:
    """Floating-point operations: 1.23 TFLOP; none where there is no network."""
    if not value:
        return "none"
    text = count(value)
    number, prefix = (text[:-1], text[-1]) if text[-1].isalpha() else (text, "")
    return f"{number} {prefix}FLOP"


def size_in_bytes(value: float) -> str:
    """Bytes with a decimal prefix."""
    return f"{count(value)}B" if value >= 1000 else f"{int(value)} B"  # noqa: PLR2004 # kilo


def p_text(value: float | None) -> str:
    """A p-value in two digits, empty for None."""
    if value is None:
        return ""
    if value < _SMALLEST_P:
        return "<1e-4"
    return f"{value:.2g}" if value < _TWO_DECIMALS else f"{value:.2f}"
