"""The mean of absolute effect sizes: without the bias of noise, and what no effect would give.

|d| of a pair without any effect is 0.8 standard errors on average, so the plain mean is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from gdbench.metrics.intervals import LEVEL
from gdbench.metrics.jackknife import Jackknifed, Pair, enough, jackknife, no_effect

Floats = NDArray[np.float64]
DRAWS = 2048  # a power of two, as Sobol' points need
PERMUTATIONS = 1000
_STEPS = 40  # of a bisection: rounding on another machine moves nothing that is checked


@dataclass(frozen=True)
class MeanEffect:
    """Mean of absolute effect sizes over some pairs."""

    value: float
    """Debiased: the mean of sqrt(max(0, d^2 - s^2)), s the standard error of d; in the interval."""
    low: float | None
    high: float | None
    plain: float
    """Mean of |d|, as the 2023 paper has it."""
    null_mean: float
    """What the plain mean is on average where pictures are dealt to the groups at random."""
    p_value: float
    """Share of such deals whose plain mean is as large."""


def mean_effect(
    pairs: Sequence[Pair],
    values: Sequence[float],
    phi: Mapping[str, Floats],
    topics: Sequence[str],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> MeanEffect:
    """Of the pairs with effect sizes `values`; the pictures of each topic are dealt anew."""
    plain = float(np.mean(np.abs(values)))
    null = _permuted(pairs, phi, topics, seed, permutations)
    hits = int(np.count_nonzero(null >= plain - 1e-12))  # equal sums in another order
    p = (hits + 1) / (len(null) + 1)
    found = [_jackknifed(pair, phi) for pair in pairs]
    usable = [f for f in found if f is not None]
    if len(usable) < len(found) or not any(f.variance for f in usable):
        return MeanEffect(plain, None, None, plain, float(null.mean()), p)
    error = np.sqrt([f.variance for f in usable])
    d = np.asarray(values)
    low, high = interval(d, deviations(usable, seed), error)
    value = float(np.sqrt(np.maximum(d**2 - error**2, 0.0)).mean())
    return MeanEffect(min(max(value, low), high), low, high, plain, float(null.mean()), p)


def _jackknifed(pair: Pair, phi: Mapping[str, Floats]) -> Jackknifed | None:
    if not enough(pair, phi):
        return None
    if np.ptp(np.concatenate([phi[g] for g in pair.groups])) == 0:
        return no_effect(pair, phi)
    return jackknife(pair, phi, stable=False)


def deviations(found: Sequence[Jackknifed], seed: int = 0) -> Floats:
    """Normal errors (n_pairs, DRAWS) with the jackknife's covariance: pairs share pictures."""
    covariance = np.zeros((len(found), len(found)))
    for group in sorted({g for f in found for g in f.influence}):
        rows = [i for i, f in enumerate(found) if group in f.influence]
        influence = np.stack([found[i].influence[group] for i in rows])
        covariance[np.ix_(rows, rows)] += influence @ influence.T
    # the symmetric root is unique: one sample on every machine
    size, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(size, 0.0))) @ vectors.T
    errors: Floats = root @ _normals(len(found), seed)
    return errors


@lru_cache(maxsize=8)
def _normals(rows: int, seed: int) -> Floats:
    """Standard normal values (rows, DRAWS), spread evenly (Sobol' 1967): ends hardly move."""
    drawn = qmc.MultivariateNormalQMC(np.zeros(rows), rng=seed).random(DRAWS)
    points: Floats = np.ascontiguousarray(drawn.T)
    points.flags.writeable = False
    return points


def interval(d: Floats, errors: Floats, error: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean of |d| by turning tests around, from errors (n_pairs, draws).

    The true effects are unknown, and how much noise adds to their mean depends on them. Each end
    takes those effects of the mean m in question to which noise adds most, or least:

    * low: the largest effects as they are, the smaller ones 0 (noise adds most where d is 0); the
      smallest m whose plain mean reaches the one seen in 2.5 % of draws;
    * high: all effects alike; the largest m whose plain mean stays below it in 2.5 %.

    0 is in it wherever pictures without any effect would often give such a mean.
    """
    tail = (1 - level) / 2
    size = np.abs(d)
    sign = np.where(d < 0, -1.0, 1.0)
    seen = float(size.mean())
    order = np.argsort(-size)

    def largest(mean: float) -> Floats:
        before = np.concatenate([[0.0], np.cumsum(size[order])[:-1]])
        kept = np.empty_like(size)
        kept[order] = np.clip(mean * len(size) - before, 0.0, size[order])
        return kept

    def drawn(effects: Floats) -> Floats:
        means: Floats = np.abs((effects * sign)[:, None] + errors).mean(axis=0)
        return means

    def reached(mean: float) -> bool:
        return float(np.mean(drawn(largest(mean)) >= seen - 1e-12)) >= tail  # rounding

    def stays_below(mean: float) -> bool:
        return float(np.mean(drawn(np.full_like(size, mean)) <= seen + 1e-12)) >= tail  # rounding

    low = 0.0 if reached(0.0) else _border(reached, 0.0, seen)
    high = _border(stays_below, seen + 10 * float(error.max()), 0.0)
    return min(low, high), max(low, high)


def _border(holds: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where `holds` begins to be true between a point where it is not and one where it is."""
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside


def _permuted(
    pairs: Sequence[Pair],
    phi: Mapping[str, Floats],
    topics: Sequence[str],
    seed: int,
    permutations: int,
) -> Floats:
    """Plain means (permutations,) with the pictures of each topic dealt to its groups at random."""
    rng = np.random.default_rng(seed)
    total = np.zeros(permutations)
    for topic in sorted(set(topics)):
        chosen = [pair for pair, t in zip(pairs, topics, strict=True) if t == topic]
        groups = sorted({g for pair in chosen for g in pair.groups})
        pool = np.concatenate([phi[g] for g in groups])
        if np.ptp(pool) == 0:
            continue
        dealt = rng.permuted(np.broadcast_to(pool - pool.mean(), (permutations, len(pool))), axis=1)
        count = np.array([len(phi[g]) for g in groups])
        starts = np.concatenate([[0], np.cumsum(count)[:-1]])
        mean = np.add.reduceat(dealt, starts, axis=1) / count
        square = np.add.reduceat(dealt**2, starts, axis=1) / count
        row = {g: i for i, g in enumerate(groups)}
        for pair in chosen:
            a, b = (row[g] for g in pair.over)
            share = count[a] / (count[a] + count[b])
            centre = share * mean[:, a] + (1 - share) * mean[:, b]
            variance = share * square[:, a] + (1 - share) * square[:, b] - centre**2
            difference = np.abs(mean[:, row[pair.first]] - mean[:, row[pair.second]])
            there = variance > 0
            total[there] += difference[there] / np.sqrt(variance[there])
    return total / len(pairs)
