"""Numbers with an interval: means of them, and how many digits of them are worth printing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.numbers import Unit, interval_text, value_text
from gdbench.records import MetricValue, ResultRecord

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
DASH = "\N{EN DASH}"
_TWO_DIGITS_UP_TO = 3.55  # Particle Data Group, "Introduction", section 5.3 (rounding)
_MAX_DECIMALS = 2
_EVEN = 2.0  # ends that differ more than this in their distance are both printed


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval where there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def half_width(self) -> float | None:
        """The larger distance of the two ends from the value."""
        if self.bounds is None:
            return None
        return max(self.value - self.bounds[0], self.bounds[1] - self.value, 0.0)


def of_metric(metric: MetricValue) -> Estimate:
    """A metric of a record."""
    return Estimate(metric.value, metric.low, metric.high)


def _mean(estimates: Sequence[Estimate]) -> float:
    return math.fsum(e.value for e in estimates) / len(estimates)


def of_score(record: ResultRecord, primary: Sequence[MetricValue]) -> Estimate:
    """The score of a record, the mean of its primary metrics.

    Records that were made before scores had intervals have one where one metric is the score.
    """
    if len(primary) == 1:
        return of_metric(primary[0])
    return Estimate(_mean([of_metric(m) for m in primary]), record.score_low, record.score_high)


def mean_independent(estimates: Sequence[Estimate]) -> Estimate:
    """Mean over tasks, whose items have nothing in common: distances add in quadrature.

    "MOVER" (Zou and Donner 2008): it keeps the ends' different distances near 0 and 1.
    """
    bounds = [(e.value, *e.bounds) for e in estimates if e.bounds is not None]
    mean = _mean(estimates)
    if len(bounds) < len(estimates):
        return Estimate(mean)
    below = math.hypot(*(value - low for value, low, _ in bounds)) / len(bounds)
    above = math.hypot(*(high - value for value, _, high in bounds)) / len(bounds)
    return Estimate(mean, mean - below, mean + above)


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


_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


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


def size_in_bytes(value: float) -> str:
    """Bytes with a decimal prefix."""
    return f"{count(value)}B" if value >= 1000 else f"{int(value)} B"  # noqa: PLR2004 # kilo
