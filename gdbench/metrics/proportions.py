"""Two shares of different samples: is their difference real?

For numbers of which only the value and the number of items are known. Where both models answered
the same items this is weaker than the paired test (`gdbench.metrics.paired`), never stronger as
long as the models' answers agree more often than by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import wilson

_Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class IndependentDifference:
    """One measure of two models of whose items nothing is known, as if they were independent."""

    name: str
    first: float
    second: float
    difference: float
    """first - second."""
    low: float | None
    high: float | None
    """95 % interval of the difference; None where one of the two has none."""
    p_value: float | None
    """Two-sided, against no difference; None without an interval."""
    p_holm: float | None = None
    """p-value adjusted for all the comparisons made together."""

    def significant(self, level: float = 0.05) -> bool:
        """Whether the two can be told apart (after adjustment where there was one)."""
        p = self.p_value if self.p_holm is None else self.p_holm
        return p is not None and p <= level


def interval_difference(name: str, first: Estimate, second: Estimate) -> IndependentDifference:
    """The difference of two values of which only their 95 % intervals are known.

    The standard error of each is its half width by 1.96; p from the normal distribution. Wider
    than the paired interval.
    """
    delta = first.value - second.value
    a, b = first.half_width, second.half_width
    low, high, p = None, None, None
    if a is not None and b is not None:
        half = math.hypot(a, b)
        low, high = delta - half, delta + half
        p = _two_sided(delta * _Z95 / half) if half > 0 else float(delta == 0)
    return IndependentDifference(name, first.value, second.value, delta, low, high, p)


def share_difference(
    first: float, n_first: int, second: float, n_second: int, name: str = ""
) -> IndependentDifference:
    """The difference of two independent shares (0..1) of so many items.

    Interval: the hybrid of the two intervals of `wilson` (Newcombe 1998, method 10; a little wider
    in small samples, where `wilson` is). Test: the score
    test with the pooled share, which is Pearson's chi-square without correction; shares that are
    both 0 or both 1 do not differ (p = 1). Raises ValueError where a share is outside of 0..1 or
    a sample is empty.
    """
    for share, n in ((first, n_first), (second, n_second)):
        if not 0 <= share <= 1 or n < 1:
            raise ValueError(f"share {share} of {n} items: expected 0..1 of at least one item")
    delta = first - second
    a, b = wilson(first * n_first, n_first), wilson(second * n_second, n_second)
    low = delta - math.hypot(first - a.low, b.high - second)
    high = delta + math.hypot(a.high - first, second - b.low)
    pooled = (first * n_first + second * n_second) / (n_first + n_second)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    p = 1.0 if error == 0 else _two_sided(delta / error)
    return IndependentDifference(name, first, second, delta, low, high, p)


def _two_sided(z: float) -> float:
    """p-value of a standard normal statistic, exact in the tails where 1 - cdf is rounded to 0."""
    return math.erfc(abs(z) / math.sqrt(2))
