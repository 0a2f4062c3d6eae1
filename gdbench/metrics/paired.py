"""Two models on the same items: differences, their intervals, p-values, and what could be seen.

Everything works on two `Sample`s of one metric (or of one merged score, see
`gdbench.metrics.measures.merge`), paired by item id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gdbench.metrics.adjust import holm
from gdbench.metrics.bootstrap import LEVEL, RESAMPLES, mean_interval, wilson
from gdbench.metrics.measures import Sample, TieRule

FLIPS = 10_000
POWER = 0.8
_EXACT_CLUSTERS = 14  # up to 2^14 sign patterns all of them are tried


@dataclass(frozen=True)
class PairedDifference:
    """One metric of two models over the items that both have scored."""

    name: str
    first: float
    second: float
    difference: float
    """first - second."""
    low: float | None
    high: float | None
    """95 % interval of the difference; None for fewer than two clusters."""
    p_value: float
    """Two-sided, against no difference."""
    method: Literal["mcnemar", "permutation"]
    n: int
    n_clusters: int
    discordant: int
    """Items on which the two differ."""
    first_better: int
    second_better: int
    detectable: float
    """Smallest true difference that a test at 5 % would find with a probability of 80 %."""
    p_holm: float | None = None
    """p-value adjusted for all the comparisons made together."""

    def significant(self, level: float = 1 - LEVEL) -> bool:
        """Whether the two can be told apart (after adjustment where there was one)."""
        return (self.p_value if self.p_holm is None else self.p_holm) <= level


def paired_difference(
    name: str,
    first: Sample,
    second: Sample,
    *,
    ties: TieRule = "expected",
    seed: int = 0,
    resamples: int | None = RESAMPLES,
) -> PairedDifference:
    """The difference of two samples over the same items, in any order.

    The p-value is McNemar's exact test where items are 0 or 1, independent and in one part, else
    a sign-flip permutation test over clusters. `resamples=None` leaves out the interval. Raises
    ValueError where the items of the two differ.
    """
    rank = {item: i for i, item in enumerate(second.ids)}
    if len(first.ids) != len(second.ids) or any(i not in rank for i in first.ids):
        raise ValueError(f"{name}: the two samples are not of the same items")
    order = np.array([rank[i] for i in first.ids], dtype=np.int64)
    x, y = first.values(ties), second.values(ties)[order]
    delta = x - y
    plus, minus = int(np.count_nonzero(delta > 0)), int(np.count_nonzero(delta < 0))
    n, clusters = len(delta), int(first.cluster.max()) + 1
    plain = (
        clusters == n
        and not first.part.any()
        and bool(np.isin(np.concatenate([x, y]), (0, 1)).all())
    )
    # They sum to the difference.
    shares = np.bincount(first.cluster, delta * first.item_weight()).astype(np.float64)
    if plain:
        p, method = mcnemar_p(plus, minus), "mcnemar"
    else:
        p, method = sign_flip_p(shares, seed=seed), "permutation"
    low: float | None = None
    high: float | None = None
    if resamples is not None and clusters > 1:
        if plain:
            low, high = bonett_price(plus, minus, n)
        else:
            low, high = _resampled(first, delta, clusters, seed, resamples)
    return PairedDifference(
        name=name,
        first=first.mean(x),
        second=first.mean(y),
        difference=first.mean(delta),
        low=low,
        high=high,
        p_value=p,
        method="mcnemar" if method == "mcnemar" else "permutation",
        n=n,
        n_clusters=clusters,
        discordant=plus + minus,
        first_better=plus,
        second_better=minus,
        detectable=detectable_difference(shares),
    )


def _resampled(
    first: Sample, delta: NDArray[np.float64], clusters: int, seed: int, resamples: int
) -> tuple[float | None, float | None]:
    if not delta.any():  # no discordant item: as for 0 of n
        edge = wilson(0, clusters).high
        return -edge, edge
    found = mean_interval(
        delta,
        first.cluster,
        first.part,
        first.part_weight,
        seed=seed,
        resamples=resamples,
        bounded=False,
    )
    return (found.low, found.high) if found else (None, None)


def mcnemar_p(first_better: int, second_better: int) -> float:
    """Exact two-sided McNemar test from the two kinds of discordant items."""
    n = first_better + second_better
    return float(stats.binomtest(first_better, n).pvalue) if n else 1.0


def bonett_price(
    first_better: int, second_better: int, n: int, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of a difference of paired shares (Bonett and Price 2012, adjusted Wald)."""
    a, b = (first_better + 1) / (n + 2), (second_better + 1) / (n + 2)
    half = float(stats.norm.isf((1 - level) / 2)) * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return float(max(-1.0, a - b - half)), float(min(1.0, a - b + half))


def sign_flip_p(differences: NDArray[np.float64], *, seed: int = 0, flips: int = FLIPS) -> float:
    """Two-sided p-value of a sum of independent differences (n_clusters,) under random signs.

    Exact for up to 14 clusters that differ, else from seeded flips with the observed signs
    counted in. Equal absolute differences are flipped together: the number of positive signs
    among m of them is binomial.
    """
    size = np.abs(differences)
    size = size[size > 1e-12 * size.max(initial=0.0)]
    if not len(size):
        return 1.0
    observed = abs(float(differences.sum()))
    tolerance = 1e-9 * float(size.sum())
    if len(size) <= _EXACT_CLUSTERS:
        bits = np.arange(2 ** len(size))[:, None] >> np.arange(len(size)) & 1
        return float(np.mean(np.abs((2 * bits - 1) @ size) >= observed - tolerance))
    # Grouped by the rounded size: exact to 1e-10 of the largest.
    values, count = np.unique(np.round(size / size.max(), 10), return_counts=True)
    rng = np.random.default_rng(seed)
    hits = 0
    step = max(1, 4_000_000 // len(values))
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        positive = rng.binomial(count, 0.5, size=(rows, len(values)))
        sums = (2 * positive - count) @ values * size.max()
        hits += int(np.count_nonzero(np.abs(sums) >= observed - tolerance))
    return (hits + 1) / (flips + 1)


def detectable_difference(
    shares: NDArray[np.float64],
    level: float = LEVEL,
    power: float = POWER,
    limit: float = 1.0,
) -> float:
    """Smallest true difference found with probability `power` by a two-sided test.

    `shares` (n_clusters,) sum to the observed difference; their spread gives its standard error.
    Without any spread one discordant cluster in each direction is assumed. No difference exceeds
    `limit`.
    """
    n = len(shares)
    variance = n * float(shares.var(ddof=1)) if n > 1 else 1.0
    if variance == 0:
        variance = 2 / n**2
    z = float(stats.norm.isf((1 - level) / 2) + stats.norm.ppf(power))
    return min(limit, z * float(np.sqrt(variance)))


@dataclass(frozen=True)
class Comparison:
    """Two models over several metrics or tasks."""

    first: str
    second: str
    rows: tuple[PairedDifference, ...]
    """In the order of the first model's samples, with p-values adjusted over all rows (Holm)."""

    def row(self, name: str) -> PairedDifference:
        """The row of that name. Raises KeyError."""
        for found in self.rows:
            if found.name == name:
                return found
        raise KeyError(name)


def compare(
    first: Mapping[str, Sample],
    second: Mapping[str, Sample],
    *,
    names: tuple[str, str] = ("A", "B"),
    ties: TieRule = "expected",
    seed: int = 0,
) -> Comparison:
    """Compare two models on every sample (metric or task score) that both have.

    Raises ValueError where they have none in common or the items of a common one differ.
    """
    common = [name for name in first if name in second]
    if not common:
        raise ValueError(f"{names[0]} and {names[1]} have no task in common")
    rows = [
        paired_difference(name, first[name], second[name], ties=ties, seed=seed) for name in common
    ]
    adjusted = holm([r.p_value for r in rows])
    return Comparison(
        *names, tuple(replace(r, p_holm=p) for r, p in zip(rows, adjusted, strict=True))
    )
