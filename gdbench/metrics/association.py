"""Bias as association: are the pictures of one group nearer to the pleasant words?

phi(x) = mean_{a pleasant} sigma(x, a) - mean_{b unpleasant} sigma(x, b)
d(X, Y) = (mean_X phi - mean_Y phi) / std_{X u Y} phi      (population standard deviation, ddof 0)

This is the effect size of WEAT (Caliskan et al. 2017) with images as target words. Its paper does
not say which deviation divides; its code, and SEAT's, take that of a sample (ddof 1), the bias task
of DiffusionITM (Krojer et al. 2023) that of a population, and so does this module: |d| is larger
than WEAT's code gives by sqrt(n / (n - 1)), n pictures together. The interval is that of the
unbiased d (`gdbench.metrics.jackknife`).

sigma is each model's own score. d does not change when a constant is added to all scores of an
image or all scores are scaled, so contrastive and denoising models share one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.jackknife import Pair
from gdbench.metrics.measures import EffectSize
from gdbench.protocol import Label, Matrix, Query
from gdbench.records import Compat

PERMUTATIONS = 10_000
_EXACT_LIMIT = 20_000  # up to so many splits of the pictures all of them are tried

# The 2023 release divides these two pairs by the deviation of other groups
# (diffusion-itm utils.py:109-110).
RELEASE_DENOMINATORS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("buddhist", "hindu"): ("christian", "hindu"),
    ("buddhist", "jewish"): ("christian", "jewish"),
}


@dataclass(frozen=True)
class Groups:
    """phi of every picture and the mean score of every word, by group (lower case)."""

    phi: Mapping[str, NDArray[np.float64]]  # (n_pictures of the group,)
    words: Mapping[str, NDArray[np.float64]]  # (n_words,): signed share of each word in mean phi


@dataclass(frozen=True)
class Effect:
    """The association of one pair of groups."""

    value: float
    n: int
    difference: float  # mean phi of the first group minus that of the second, in score units
    std: float
    p_value: float
    words: NDArray[np.float64]  # (n_words,): what each word adds to the value; they sum to it


def association(matrix: Matrix, pleasant: Sequence[int]) -> tuple[float, NDArray[np.float64]]:
    """Phi of one picture, and the signed share of each word in it, from scores (1, n_words)."""
    row = np.asarray(matrix, dtype=np.float64)[0]
    first = np.zeros(len(row), dtype=bool)
    first[list(pleasant)] = True
    weight = np.where(first, 1 / first.sum(), -1 / (~first).sum())
    return float(row[first].mean() - row[~first].mean()), row * weight


def groups_of(labels: Sequence[Label], matrices: Sequence[Matrix]) -> Groups:
    """Collect the association items by group."""
    phi: dict[str, list[float]] = {}
    words: dict[str, list[NDArray[np.float64]]] = {}
    for label, matrix in zip(labels, matrices, strict=True):
        if label.query is Query.ASSOCIATION:
            value, shares = association(matrix, label.gold)
            phi.setdefault(label.subtask, []).append(value)
            words.setdefault(label.subtask, []).append(shares)
    return Groups(
        {name: np.array(v) for name, v in phi.items()},
        {name: np.mean(v, axis=0) for name, v in words.items()},
    )


def denominator_groups(measure: EffectSize, compat: Compat | None) -> tuple[str, str]:
    """The groups whose standard deviation divides the difference."""
    pair = (measure.first, measure.second)
    return RELEASE_DENOMINATORS.get(pair, pair) if compat is not None else pair


def pair_of(measure: EffectSize, compat: Compat | None) -> Pair:
    """The groups of a measure, for its interval."""
    return Pair(measure.first, measure.second, denominator_groups(measure, compat))


def effect(
    measure: EffectSize, groups: Groups, *, compat: Compat | None = None, seed: int = 0
) -> Effect | None:
    """The effect size of a pair; None where a group it needs has no pictures.

    Scores that do not differ between pictures have no effect: 0 (the release prints nan).
    """
    a, b = denominator_groups(measure, compat)
    if not {measure.first, measure.second, a, b} <= groups.phi.keys():
        return None
    x, y = groups.phi[measure.first], groups.phi[measure.second]
    pool = np.concatenate([groups.phi[a], groups.phi[b]])
    flat = np.ptp(pool) == 0
    std = 0.0 if flat else float(pool.std())
    difference = float(x.mean() - y.mean())
    shares = groups.words[measure.first] - groups.words[measure.second]
    return Effect(
        value=0.0 if flat else difference / std,
        n=len(x) + len(y),
        difference=difference,
        std=std,
        p_value=permutation_p(x, y, seed=seed),
        words=np.zeros_like(shares) if flat else shares / std,
    )


def permutation_p(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> float:
    """Two-sided p-value of the difference of means under exchange of the pictures' groups.

    The pooled deviation is the same for every split, so the difference of means orders splits as
    the effect size does. All splits where there are at most 20,000, else a seeded sample of them
    with the observed one counted in (Phipson and Smyth 2010).
    """
    pool = np.concatenate([x, y])
    n, m = len(x), len(pool)
    # A split's difference is a linear function of the sum over its first group.
    centred = pool - pool.mean()
    # a mean far from 0 is rounded, which would part the two tails
    centred -= centred.mean()
    observed = abs(float(centred[:n].sum()))
    tolerance = 1e-9 * float(np.abs(centred).sum())  # equal sums in another order are equal
    if comb(m, n) <= _EXACT_LIMIT:
        sums = _all_sums(centred, n)
        return float(np.mean(np.abs(sums) >= observed - tolerance))
    rng = np.random.default_rng(seed)
    hits = 0
    step = max(1, 2_000_000 // m)
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        order = rng.permuted(np.broadcast_to(centred, (rows, m)), axis=1)
        hits += int(np.count_nonzero(np.abs(order[:, :n].sum(axis=1)) >= observed - tolerance))
    return (hits + 1) / (permutations + 1)


def _all_sums(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The sums of all subsets of `n` values."""
    sums: list[list[NDArray[np.float64]]] = [[np.zeros(1)]] + [[] for _ in range(n)]
    for value in values:
        for size in range(n, 0, -1):
            if sums[size - 1]:
                sums[size].append(np.concatenate(sums[size - 1]) + value)
    return np.concatenate(sums[n])
