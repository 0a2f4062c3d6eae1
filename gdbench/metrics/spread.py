"""How far a mean over items can be from that of another test set: one variance for every use.

Intervals, tests and ranks of a metric, a task and the whole benchmark all rest on the `Spread` of
one joint sample: the variance of a weighted mean of clusters, each part of a macro average taken
as a stratum (Wolter 2007, chapter 2). Nothing is drawn at random.

A stratum of few clusters may by chance show no variance at all, and then its error would count for
nothing. So the variances of strata are moderated (Smyth 2004): each is drawn towards the one that
all have together, as if three more degrees of freedom of it had been seen in each.
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
_PRIOR_DF = 3.0  # of the common variance, in each stratum


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
    added_variance: float
    """Sum of cubed weights: mean squared weight of the cluster that an item of the mean is in."""
    df: float
    """Degrees of freedom of the variance, at least 1."""
    n_clusters: int

    def event_weight(self, item_variance: float) -> float:
        """One over the effective number of independent items, for values of this variance.

        `variance / item_variance` with `ADDED_CLUSTERS` added to both: a part of a cluster that is
        drawn as items are, so that it is neither 0 nor rests on one or two errors alone. (Fay and
        Feuer 1997 add a whole event of the largest weight, which is too much between 0 and 1.)
        """
        variance = self.variance + ADDED_CLUSTERS * self.added_variance
        return variance / (item_variance + ADDED_CLUSTERS * self.cluster_weight)


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
    stratum = _strata(parts, cluster, n_clusters)
    # a cluster may have items in several strata
    inside, own = np.unique(stratum * n_clusters + cluster, return_inverse=True)
    stratum_of = inside // n_clusters
    count = np.bincount(stratum_of)
    share = _sums(stratum, weight)
    centre = np.where(count > 1, _sums(stratum, weight * values) / share, mean)
    distance = values - centre[stratum]
    scaled = weight * distance * np.sqrt(count / np.maximum(count - 1, 1))[stratum]
    weight_of = _sums(cluster, weight)
    kish = float((weight_of**2).sum())
    strata_kish = _sums(stratum_of, _sums(own, weight) ** 2)
    seen = _sums(stratum_of, _sums(own, scaled) ** 2)
    moderated = _moderated(seen, share, strata_kish)
    df = np.maximum(count - 1.0, 1.0)
    prior = _PRIOR_DF if len(count) > 1 else 0.0
    return Spread(
        mean=mean,
        variance=float((_sums(cluster, scaled) ** 2).sum())
        + max(0.0, float((moderated - seen).sum())),
        item_variance=float(weight @ distance**2),
        cluster_weight=kish,
        added_variance=float((weight_of**3).sum()),
        df=max(
            1.0,
            min(
                1 / kish - 1,
                _satterthwaite(strata_kish, df),
                _satterthwaite(moderated, df + prior),
            ),
        ),
        n_clusters=n_clusters,
    )


def _sums(index: Ints, values: Floats) -> Floats:
    """Sums of the values with each index."""
    return np.bincount(index, values).astype(np.float64)


def _strata(parts: Ints, cluster: Ints, n_clusters: int) -> Ints:
    """The parts (n,), with those of one cluster each as one stratum."""
    clusters_of = np.bincount(np.unique(parts * n_clusters + cluster) // n_clusters)
    lone = np.flatnonzero(clusters_of == 1)
    joined = np.arange(len(clusters_of))
    joined[lone] = lone[:1]
    return np.unique(joined[parts], return_inverse=True)[1]


def _moderated(variance: Floats, share: Floats, kish: Floats) -> Floats:
    """Variances of strata (n_strata,), each drawn to the common one by its lack of clusters."""
    common = float((share * variance / kish).sum())
    toward = _PRIOR_DF / (np.maximum(share**2 / kish - 1, 0.0) + _PRIOR_DF)
    return variance + toward * (kish * common - variance)


def _satterthwaite(variance: Floats, df: Floats) -> float:
    """Degrees of freedom of a sum over strata (Satterthwaite 1946)."""
    total = float(variance.sum())
    return total**2 / float((variance**2 / df).sum()) if total > 0 else np.inf
