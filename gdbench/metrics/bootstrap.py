"""95 % intervals over items: exact score interval for plain accuracies, else clustered bootstrap.

Items of one cluster share a picture or an example and are drawn together, so repeating an item
never narrows an interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2000
LEVEL = 0.95
Method = Literal["wilson", "bootstrap"]
_CHUNK = 4_000_000  # random numbers drawn at once


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was made."""

    low: float
    high: float
    method: Method
    level: float = LEVEL


@dataclass(frozen=True)
class ClusterSums:
    """Sums and numbers of items by cluster and part: all that a mean's bootstrap needs to know."""

    sums: NDArray[np.float64]  # (n_clusters, n_parts)
    counts: NDArray[np.float64]  # (n_clusters, n_parts)
    part_weight: NDArray[np.float64] | None = None  # (n_parts,); None: all equal

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64],
        cluster: NDArray[np.int64],
        part: NDArray[np.int64] | None = None,
        part_weight: NDArray[np.float64] | None = None,
    ) -> ClusterSums:
        """From per-item values, cluster and part indices, each of shape (n,)."""
        parts = np.zeros_like(cluster) if part is None else part
        shape = (int(cluster.max()) + 1, int(parts.max()) + 1)
        flat = cluster * shape[1] + parts
        size = shape[0] * shape[1]
        return cls(
            np.bincount(flat, values, minlength=size).reshape(shape).astype(np.float64),
            np.bincount(flat, minlength=size).reshape(shape).astype(np.float64),
            part_weight,
        )

    def pure(self) -> NDArray[np.float64] | None:
        """0 or 1 for each cluster, if all have one size, one part and equal items; else None."""
        if self.sums.shape[1] != 1 or len(np.unique(self.counts)) != 1:
            return None
        mean = (self.sums / self.counts)[:, 0]
        return mean if np.isin(mean, (0.0, 1.0)).all() else None


def wilson(successes: float, n: int, level: float = LEVEL) -> Interval:
    """Score interval of a share (Wilson 1927); `successes` in 0..n, n > 0.

    Preferred to the exact (Clopper-Pearson) interval because its coverage is close to the nominal
    one on average instead of above it (Agresti and Coull 1998).
    """
    z = float(stats.norm.isf((1 - level) / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(
        float(0.0 if successes == 0 else max(0.0, centre - half)),
        float(1.0 if successes == n else min(1.0, centre + half)),
        "wilson",
        level,
    )


def resample_counts(
    multiplicity: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Blocks (b, k) of how often each of k kinds of cluster is drawn, `resamples` rows in all.

    Drawing n clusters of k kinds with replacement is one multinomial draw with n trials and
    probabilities multiplicity / n: the ordinary bootstrap without its n random indices.
    """
    n = int(multiplicity.sum())
    k = len(multiplicity)
    step = max(1, _CHUNK // max(n, k))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        if 8 * k < n:
            yield rng.multinomial(n, multiplicity / n, size=rows)
            continue
        kind = np.repeat(np.arange(k), multiplicity)
        drawn = kind[rng.integers(0, n, size=(rows, n), dtype=np.int32)]
        drawn += np.arange(rows)[:, None] * k
        yield np.bincount(drawn.ravel(), minlength=rows * k).reshape(rows, k)


def bootstrap_means(
    sums: ClusterSums, *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Means (over parts, of the means over items) of `resamples` clustered resamples.

    A part that a resample misses is left out of that resample's mean.
    """
    rng = np.random.default_rng(seed)
    parts = sums.sums.shape[1]
    # Sums of equal items differ in the last digit with their order: kinds are told apart by the
    # rounded sum, which can move a resampled mean by 1e-12 at most.
    table = np.round(np.concatenate([sums.sums, sums.counts], axis=1), 12)
    kinds, multiplicity = np.unique(table, axis=0, return_counts=True)
    out: list[NDArray[np.float64]] = []
    for counts in resample_counts(multiplicity, resamples, rng):
        totals = counts @ kinds
        there = totals[:, parts:] > 0
        means = np.divide(
            totals[:, :parts], totals[:, parts:], where=there, out=np.zeros(there.shape)
        )
        weights = there * (1.0 if sums.part_weight is None else sums.part_weight)
        out.append((means * weights).sum(axis=1) / weights.sum(axis=1))
    return np.concatenate(out)


def expanded_quantiles(
    draws: NDArray[np.float64], n: int, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile interval of bootstrap draws, widened for the small-sample bias.

    The plain percentile interval is too narrow by about sqrt((n-1)/n) z / t for n clusters; the
    tail probability is enlarged accordingly (Hesterberg 2015, section 5.3, "expanded percentile").
    """
    tail = (1 - level) / 2
    tail = float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.isf(tail, n - 1)))
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(
    values: NDArray[np.float64],
    cluster: NDArray[np.int64],
    part: NDArray[np.int64] | None = None,
    part_weight: NDArray[np.float64] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    bounded: bool = True,
) -> Interval | None:
    """Interval of a mean of per-item values (n,); None for fewer than two clusters.

    `bounded` says that the values are shares in 0..1: where all clusters are 0 or 1 Wilson's
    interval over clusters is used; where the clusters do not differ at all the bootstrap would
    claim certainty, and Wilson's interval with that mean stands in for it.
    """
    sums = ClusterSums.of(values, cluster, part, part_weight)
    n = len(sums.sums)
    if n < 2:  # noqa: PLR2004 # nothing to resample
        return None
    pure = sums.pure() if bounded else None
    if pure is not None:
        return wilson(float(pure.sum()), n, level)
    draws = bootstrap_means(sums, resamples=resamples, seed=seed)
    if bounded and np.ptp(draws) < 1e-12:  # noqa: PLR2004 # rounding only
        return wilson(float(draws[0]) * n, n, level)
    low, high = expanded_quantiles(draws, n, level)
    if bounded:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, "bootstrap", level)
