"""How far effect sizes can be from those of other pictures: a jackknife over pictures by group.

Every picture is left out once (Efron and Stein 1981); a group's pictures are a stratum. An effect
size is put on a scale on which its variance hardly depends on its size,

    c = d / sqrt(1 - p d^2),   h = sqrt(2 / p) asinh(c sqrt(p / 2)),   p = n_X n_Y / (n_X + n_Y)^2

where c is Cohen's d (the difference in standard deviations within the groups) and h its variance
stabilising transform (Hedges and Olkin 1985, section 5.3). Degrees of freedom are those of Welch
and Satterthwaite. Intervals of one model allow for skewed scores (Johnson 1978).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gdbench.metrics.intervals import LEVEL

Floats = NDArray[np.float64]
FEWEST_PICTURES = 5  # of a group, below which an effect size has no interval
_FEWEST_TO_LEAVE_OUT = 3  # two that are left still have a variance


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each group (ddof 1), or of a group without each of its pictures."""

    mean: Floats
    variance: Floats


def moments(values: Floats) -> Moments:
    """Of a group of at least two pictures; arrays of shape ()."""
    return Moments(values.mean(), np.asarray(values.var(ddof=1)))


def without_each(values: Floats) -> Moments:
    """Of a group of n pictures with each of them left out, shape (n,); n is at least 3."""
    n = len(values)
    centred = values - values.mean()
    mean = -centred / (n - 1)
    square = ((centred**2).sum() - centred**2) / (n - 1) - mean**2
    variance = np.maximum(square, 0.0) * (n - 1) / (n - 2)
    return Moments(mean + values.mean(), variance)


@dataclass(frozen=True)
class Pair:
    """Which groups an effect size compares, and which ones divide it."""

    first: str
    second: str
    over: tuple[str, str]

    @property
    def plain(self) -> bool:
        """Whether the compared groups are those that divide."""
        return self.over == (self.first, self.second)

    @property
    def groups(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((self.first, self.second, *self.over)))


@dataclass(frozen=True)
class Jackknifed:
    """An effect size on some scale, and what each picture adds to its error.

    `influence[g]` (n_pictures,) has squares that sum to the group's part of the variance.
    """

    value: float
    influence: Mapping[str, Floats]

    @property
    def variance(self) -> float:
        """Of the value."""
        return float(sum((i**2).sum() for i in self.influence.values()))

    @property
    def df(self) -> float:
        """Degrees of freedom (Welch 1947, Satterthwaite 1946)."""
        parts = [(float((i**2).sum()), len(i) - 1) for i in self.influence.values()]
        below = sum(v * v / n for v, n in parts)
        return sum(v for v, _ in parts) ** 2 / below if below > 0 else 1.0

    def __sub__(self, other: Jackknifed) -> Jackknifed:
        """The difference of two over the same pictures."""
        both = {g: self.influence[g] - other.influence[g] for g in self.influence}
        return Jackknifed(self.value - other.value, both)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Both ends on the scale of the value."""
        half = float(stats.t.isf((1 - level) / 2, self.df)) * np.sqrt(self.variance)
        return self.value - half, self.value + half

    def skewed_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """`interval`, and one that is corrected for skewness, together (Johnson 1978).

        Where scores are skewed or effects large, the plain one lies too far from zero: it left
        out the truth in 9 % of cases with 20 pictures a group.
        """
        low, high = self.interval(level)
        t = float(stats.t.isf((1 - level) / 2, self.df))
        third = -float(sum((i**3).sum() for i in self.influence.values()))
        shift = third / self.variance * (1 / 6 + t * t / 3)
        return low + min(shift, 0.0), high + max(shift, 0.0)

    @property
    def p_value(self) -> float:
        """Two-sided, against 0; 1 where there is no difference."""
        if self.value == 0:
            return 1.0
        if self.variance == 0:
            return 0.0
        return float(2 * stats.t.sf(abs(self.value) / np.sqrt(self.variance), self.df))


def _product(pair: Pair, phi: Mapping[str, Floats]) -> tuple[float, float, float]:
    a, b = (len(phi[g]) for g in pair.over)
    return a / (a + b), b / (a + b), a * b / (a + b) ** 2


def _value(
    pair: Pair, at: Mapping[str, Moments], phi: Mapping[str, Floats], *, stable: bool
) -> Floats:
    share_a, share_b, p = _product(pair, phi)
    a, b = (at[g] for g in pair.over)
    within = share_a * a.variance + share_b * b.variance
    difference = at[pair.first].mean - at[pair.second].mean
    with np.errstate(divide="ignore", invalid="ignore"):
        if stable and pair.plain:
            found = np.arcsinh(difference / np.sqrt(within) * np.sqrt(p / 2)) * np.sqrt(2 / p)
        else:
            found = difference / np.sqrt(within + p * (a.mean - b.mean) ** 2)
    return np.asarray(found, dtype=np.float64)


def jackknife(pair: Pair, phi: Mapping[str, Floats], *, stable: bool = True) -> Jackknifed | None:
    """The effect size of a pair; None where pictures are too few or do not differ.

    Args:
        pair: the groups.
        phi: of every picture, by group.
        stable: on the scale h (see above) where the compared groups divide; else d. Both with the
            unbiased variance within the groups (ddof 1), by which d is a little smaller than with
            the population's.
    """
    if any(len(phi[g]) < _FEWEST_TO_LEAVE_OUT for g in pair.groups):
        return None
    whole = {g: moments(phi[g]) for g in pair.groups}
    value = _value(pair, whole, phi, stable=stable)
    influence = {}
    for g in pair.groups:
        left = _value(pair, {**whole, g: without_each(phi[g])}, phi, stable=stable)
        if not (np.isfinite(value) and np.isfinite(left).all()):
            return None
        influence[g] = (left - left.mean()) * np.sqrt((len(left) - 1) / len(left))
    return Jackknifed(float(value), influence)


def no_effect(pair: Pair, phi: Mapping[str, Floats]) -> Jackknifed:
    """That of a model whose scores do not differ between pictures: 0, without error."""
    return Jackknifed(0.0, {g: np.zeros(len(phi[g])) for g in pair.groups})


def enough(pair: Pair, phi: Mapping[str, Floats]) -> bool:
    """Whether there are pictures enough for an interval."""
    return all(len(phi[g]) >= FEWEST_PICTURES for g in pair.groups)


def effect_interval(pair: Pair, phi: Mapping[str, Floats]) -> tuple[float, float] | None:
    """95 % interval of an effect size d; None where there is none (see `jackknife`, `enough`)."""
    found = jackknife(pair, phi) if enough(pair, phi) else None
    if found is None or found.variance == 0:
        return None
    low, high = found.skewed_interval()
    if not pair.plain:
        return float(low), float(high)
    p = _product(pair, phi)[2]
    ends = np.sinh(np.array([low, high]) * np.sqrt(p / 2)) / np.sqrt(p / 2)
    low, high = ends / np.sqrt(1 + p * ends**2)
    return float(low), float(high)
