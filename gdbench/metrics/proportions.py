"""Two shares of different samples: is their difference real?

For numbers of which only the value and the number of items are known. Where both models answered
the same items this is weaker than the paired test (`gdbench.metrics.paired`), never stronger as
long as the models' answers agree more often than by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from gdbench.metrics.intervals import wilson

_NORMAL = NormalDist()


@dataclass(frozen=True)
class ShareDifference:
    """First less second share, in -1..1, with a 95 % interval and a two-sided p-value."""

    value: float
    low: float
    high: float
    p_value: float


def share_difference(first: float, n_first: int, second: float, n_second: int) -> ShareDifference:
    """The difference of two independent shares (0..1) of so many items.

    Interval: the hybrid of the two Wilson intervals (Newcombe 1998, method 10). Test: the score
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
    p = 1.0 if error == 0 else 2 * _NORMAL.cdf(-abs(delta) / error)
    return ShareDifference(delta, low, high, p)
