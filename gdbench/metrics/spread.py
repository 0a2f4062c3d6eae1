"""How far a mean over items can be from that of another test set: one variance for every use.

Intervals, tests and ranks of a metric, a task and the whole benchmark all rest on the `Spread` of
one joint sample: the variance of a weighted mean of clusters, each part of a macro average taken
as a stratum (Wolter 2007, chapter 2). Nothing is drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# How many clusters that err as a whole are added to what was seen. Near 0 and 1 a sample may by
# chance hold no cluster with several errors, and then its variance is far too small.
ADDED_CLUSTERS = 0.2


@dataclass(frozen=True)
class Spread:
    """A weighted mean and what its uncertainty rests on."""

    mean: float
    variance: float
    """Of the mean, from the clusters (0 where no cluster differs from another)."""
    item_variance: float
    """Of single values around the means of their parts."""
    cluster_weight: float
    """Sum of squared weights of the clusters: one over their effective number (Kish 1965)."""
    df: float
    """Degrees of freedom of the variance, at least 1."""
    n_clusters: int

    def event_weight(self, item_variance: float) -> float:
        """One over the effective number of independent items, for values of this variance.

        `variance / item_variance`, drawn towards the weight of a whole cluster by
        `ADDED_CLUSTERS`, so that it is neither 0 nor rests on one or two errors alone.
        """
        added = ADDED_CLUSTERS * self.cluster_weight
        return (self.variance + added * self.cluster_weight) / (item_variance + added)


def spread(values: Floats, weight: Floats, cluster: Ints, part: Ints | None = None) -> Spread:
    """The spread of a weighted mean of per-item values.

    Parts that have one cluster each are taken together as one stratum ("collapsed strata",
    Wolter 2007, section 2.5); a lone one is compared with the whole mean.

    Args:
        values: (n,).
        weight: (n,), sums to 1.
        cluster: (n,), indices from 0.
        part: (n,), indices from 0; None: one part.
    """
    parts = np.zeros_like(cluster) if part is None else part
    n_clusters = int(cluster.max()) + 1
    mean = float(weight @ values)
    share = np.bincount(parts, weight).astype(np.float64)
    clusters_of = np.bincount(np.unique(parts * n_clusters + cluster) // n_clusters)
    centre = np.bincount(parts, weight * values) / share
    factor = np.ones(len(share))
    lone = clusters_of == 1
    factor[~lone] = np.sqrt(clusters_of[~lone] / (clusters_of[~lone] - 1))
    n_lone = int(lone.sum())
    if n_lone:
        inside = lone[parts]
        together = float(weight[inside] @ values[inside] / weight[inside].sum())
        centre[lone] = together if n_lone > 1 else mean
        factor[lone] = np.sqrt(n_lone / (n_lone - 1)) if n_lone > 1 else 1.0
    distance = values - centre[parts]
    totals = np.bincount(cluster, weight * distance * factor[parts])
    kish = float((np.bincount(cluster, weight) ** 2).sum())
    return Spread(
        mean=mean,
        variance=float((totals**2).sum()),
        item_variance=float(weight @ distance**2),
        cluster_weight=kish,
        df=max(1.0, min(1 / kish - 1, _satterthwaite(share, clusters_of, lone))),
        n_clusters=n_clusters,
    )


def _satterthwaite(share: Floats, clusters_of: Ints, lone: NDArray[np.bool_]) -> float:
    """Degrees of freedom of a sum over strata of variances that are all alike."""
    size = share**2 / clusters_of
    sizes, freedom = size[~lone], clusters_of[~lone] - 1.0
    if lone.any():
        sizes = np.append(sizes, size[lone].sum())
        freedom = np.append(freedom, max(float(lone.sum()) - 1, 1.0))
    return float(sizes.sum() ** 2 / (sizes**2 / freedom).sum())
