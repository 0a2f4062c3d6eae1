"""95 % intervals of shares, and of differences of paired shares, over clusters of items.

Items of one cluster share a picture or an example, so repeating an item never narrows an interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from scipy.special import betaincinv

from gdbench.metrics.measures import Sample
from gdbench.metrics.spread import Floats, Spread, spread

LEVEL = 0.95
FEWEST_CLUSTERS = 2
Method = Literal["wilson", "effective"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was made."""

    low: float
    high: float
    method: Method
    level: float = LEVEL


def wilson(successes: float, n: float, level: float = LEVEL, df: float = np.inf) -> Interval:
    """Score interval of a share (Wilson 1927), modified near 0 and 1 (Brown, Cai, DasGupta 2001).

    Preferred to the exact (Clopper-Pearson) interval because its coverage is close to the nominal
    one on average instead of above it. With one or two successes it covers 84 % at worst; there
    the end near 0 (or 1) is that of a one-sided exact interval, and so it is wherever that one is
    wider (in small samples up to p = 1/2). `n` need not be whole: for a
    sample of clusters it is the effective number of items (Korn and Graubard 1998), and `df` the
    degrees of freedom of the variance behind it.
    """
    z = float(stats.t.isf((1 - level) / 2, df))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(max(p * (1 - p), 0.0) / n + z * z / (4 * n * n))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    failures = n - successes
    low = min(low, betaincinv(successes, failures + 1, 1 - level)) if successes > 0 else 0.0
    high = max(high, 1 - betaincinv(failures, successes + 1, 1 - level)) if failures > 0 else 1.0
    return Interval(float(low), float(high), "wilson", level)


def _pure(sample: Sample, values: Floats) -> Floats | None:
    """0 or 1 for each cluster, if all have one size, one part and equal items; else None."""
    size = np.bincount(sample.cluster)
    if sample.part.any() or np.ptp(size):
        return None
    mean = np.bincount(sample.cluster, values) / size
    return mean if np.isin(mean, (0.0, 1.0)).all() else None


def share_interval(sample: Sample, values: Floats, level: float = LEVEL) -> Interval | None:
    """Interval of the mean of a sample's values (n,) in 0..1; None for fewer than two clusters.

    Wilson's, over clusters where these are all 0 or 1, else over the effective number of items,
    which the variance between clusters gives (`gdbench.metrics.spread`). Where no two clusters
    differ, over their effective number: a sample without any spread claims no certainty.
    """
    if int(sample.cluster.max()) + 1 < FEWEST_CLUSTERS:
        return None
    pure = _pure(sample, values)
    if pure is not None:
        return wilson(float(pure.sum()), len(pure), level)
    found = spread(values, sample.item_weight(), sample.cluster, sample.part)
    p = min(max(found.mean, 0.0), 1.0)
    flat = found.variance <= 1e-24  # noqa: PLR2004 # rounding only
    n = 1 / (found.cluster_weight if flat else found.event_weight(p * (1 - p)))
    made = wilson(p * n, n, level, found.df)
    return Interval(made.low, made.high, "effective", level)


@dataclass(frozen=True)
class AdjustedDifference:
    """A mean difference, with one event of each direction added to it.

    This is Bonett and Price's adjustment (2012) of Agresti's kind, for clusters and macro
    averages: an event weighs one over the effective number of items. Test and interval are two
    sides of one statistic: the interval holds 0 exactly where the p-value is above 1 - level.
    """

    found: Spread

    @property
    def event(self) -> float:
        """Weight of an added event, relative to 1 for all items."""
        return self.found.event_weight(self.found.item_variance)

    @property
    def standard_error(self) -> float:
        """Of the difference, the added events counted."""
        return float(np.sqrt(self.found.variance + 2 * self.event**2))

    @property
    def p_value(self) -> float:
        """Two-sided, against no difference."""
        return float(2 * stats.t.sf(abs(self.found.mean) / self.standard_error, self.found.df))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Both ends, in -1..1."""
        t = float(stats.t.isf((1 - level) / 2, self.found.df))
        half, scale = t * self.standard_error, 1 + 2 * self.event
        low, high = (self.found.mean - half) / scale, (self.found.mean + half) / scale
        return float(max(-1.0, low)), float(min(1.0, high))


def bonett_price(
    first_better: int, second_better: int, n: int, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of a difference of paired shares (Bonett and Price 2012, adjusted Wald)."""
    a, b = (first_better + 1) / (n + 2), (second_better + 1) / (n + 2)
    half = float(stats.norm.isf((1 - level) / 2)) * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return float(max(-1.0, a - b - half)), float(min(1.0, a - b + half))
