"""How much of a number is the choice of timesteps and noise, with the items held fixed.

A score averages the errors at T timesteps, each with its own noise. Sorted by timestep, four
neighbours form a stratum; dealing one of each stratum to each of four quarters gives four repeats
of the experiment with T/4 samples, and strata of two give two with T/2 (random groups; Wolter
2007, chapter 2, with strata that keep the smooth change of the error over timesteps out of the
spread). The variance at T follows by extrapolation: v(T) = v(T/2) 2^-b with b from
v(T/4) / v(T/2). A mean has b = 1. An accuracy over
items whose noise is independent has b = 1/2 where items are spread evenly about the border,
because the share that noise can flip shrinks only with the square root of T; near chance it has
b = 0, because every item is a coin that more samples do not settle; where hardly an item is near
the border it falls faster than with 1/T. So b is held within wide bounds alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.denoising import is_weighted, terms
from gdbench.metrics.labels import Labels
from gdbench.metrics.measures import (
    AnyMeasure,
    Measure,
    TieRule,
    by_rule,
    means,
    members,
    stacks,
)
from gdbench.metrics.prefixes import fill_dropped
from gdbench.protocol import Label
from gdbench.records import ModelSettings

REPLICATES = 24
QUARTERS, HALVES = 4, 2
MIN_TIMESTEPS = 8  # two strata
MIN_ITEMS = 20  # of fewer, the two halves tell next to nothing about the variance
_TOGETHER = 256  # items whose credits are counted at a time
_RATE = (0.0, 2.0)  # of the decrease of the variance with the number of samples
_SLOWEST = 0.25  # below it so many samples would be needed that none is named


class Errors(Protocol):
    """The per-timestep errors of one item, as in `gdbench.protocol.Scores`."""

    @property
    def errors(self) -> NDArray[np.float32] | None:
        """Shape (n_images, n_texts, n_timesteps); NaN where a sequential rule had stopped."""

    @property
    def unconditional_errors(self) -> NDArray[np.float32] | None:
        """Shape (n_images, n_timesteps)."""


@dataclass(frozen=True)
class NoiseError:
    """Monte-Carlo standard error of a metric."""

    se: float
    samples_to_halve: int | None
    """Timesteps that would halve `se`; None where more samples hardly lower it (near chance)."""


def group_weights(
    n_timesteps: int,
    timesteps: Sequence[int] | None,
    groups: int,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Weights (replicates, groups, n_timesteps) of 0 and 1: groups that do not overlap.

    `timesteps` gives the timestep at each position of the log (default: in order). Neighbours are
    dealt to different groups; those that do not fill a last stratum are in none.
    """
    order = np.argsort(np.arange(n_timesteps) if timesteps is None else timesteps[:n_timesteps])
    strata = order[: n_timesteps // groups * groups].reshape(-1, groups)
    rng = np.random.default_rng(seed)
    dealt = rng.permuted(np.broadcast_to(strata, (replicates, *strata.shape)), axis=-1)
    weights = np.zeros((replicates, groups, n_timesteps), dtype=np.float32)
    row, group = np.arange(replicates)[:, None, None], np.arange(groups)
    weights[row, group, dealt] = 1
    return weights


def replicate_scores(
    item: Errors, weights: NDArray[np.float32], settings: ModelSettings | None
) -> NDArray[np.float32] | None:
    """Scores (n_weights, n_images, n_texts) of one item for each row of weights; None: no errors.

    In "mse" they are those of the log times the size of the latent, which changes no rank. A pair
    for which no timestep has weight (stopped early) keeps its full mean.
    """
    if item.errors is None:
        return None
    plain = settings is not None and settings.normalise is False
    norm = settings.norm if settings is not None else None
    base = None if plain else item.unconditional_errors
    value = terms(item.errors, base, norm=norm or "l2")
    if np.isnan(value).any():
        value = fill_dropped(value.reshape(-1, value.shape[-1])).reshape(value.shape)
    known = ~np.isnan(value)
    filled = np.where(known, value, 0.0)
    total = filled @ weights.T
    weight = known.astype(np.float64) @ weights.T
    full = filled.sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean = np.divide(total, weight, where=weight > 0, out=np.broadcast_to(full, total.shape).copy())
    scores: NDArray[np.float32] = np.moveaxis(-mean, -1, 0).astype(np.float32)
    return scores


class _Means:
    """The metric (n_weights,) of one measure, from items that come a few at a time.

    Credits are shares with few digits, so the sums do not depend on how many came at a time.
    """

    def __init__(self, measure: Measure, labels: Labels, n_weights: int) -> None:
        chosen, parts = members(measure, labels)
        self.measure, self._labels = measure, labels
        self._part = np.full(len(labels), -1, dtype=np.int32)
        self._part[chosen] = parts
        self._sizes = np.bincount(parts)
        self._sums = np.zeros((n_weights, len(self._sizes)))
        self.n_items = len(chosen)

    def add(self, start: int, scores: Sequence[NDArray[np.float32]], ties: TieRule) -> None:
        """Scores (n_weights, n_images, n_texts) of the items from `start` on."""
        chosen = start + np.flatnonzero(self._part[start : start + len(scores)] >= 0)
        for stack in stacks(self._labels, chosen):
            matrices = np.stack([scores[i - start] for i in stack.positions], axis=1)
            values = by_rule(self.measure.credits(stack.query, stack.gold, matrices), ties)
            part = self._part[stack.positions]
            own = np.unique(part)
            self._sums[:, own] += values @ (part[:, None] == own).astype(np.float64)

    def value(self) -> NDArray[np.float64]:
        """The metric for each row of weights."""
        mean: NDArray[np.float64] = (self._sums / self._sizes).mean(axis=1)
        return mean


def noise_errors(
    measures: Sequence[AnyMeasure],
    labels: Sequence[Label],
    errors: Iterable[Errors],
    settings: ModelSettings | None = None,
    *,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
    ties: TieRule = "expected",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Iterator[tuple[str, NoiseError]]:
    """Name and Monte-Carlo error of each accuracy-like measure that has items.

    Nothing where an item has no errors, fewer than eight timesteps were evaluated, or timesteps
    are weighted (`settings.weighting`), where quarters would need the weights; and nothing for a
    measure of fewer than 20 items.

    With `lengths`, the timesteps of each item (0: none), the errors are gone through once and never
    held together.
    """
    if lengths is None:
        errors = list(errors)
        lengths = [0 if e.errors is None else int(e.errors.shape[-1]) for e in errors]
    longest = int(max(lengths, default=0))
    if 0 in lengths or longest < MIN_TIMESTEPS:
        return
    if is_weighted(settings):
        return
    timesteps = settings.timesteps if settings is not None else None
    if timesteps is not None and len(timesteps) < longest:
        timesteps = None
    quarters, halves = (
        group_weights(longest, timesteps, groups, replicates, seed) for groups in (QUARTERS, HALVES)
    )
    weights = np.concatenate([quarters, halves], axis=1).reshape(-1, longest)
    table = Labels.of(labels)
    every = (_Means(measure, table, len(weights)) for measure in means(measures))
    kept = [one for one in every if one.n_items >= MIN_ITEMS]
    scores: list[NDArray[np.float32]] = []
    start = 0
    for e in errors:
        if e.errors is None:
            return
        found = replicate_scores(e, weights[:, : e.errors.shape[-1]], settings)
        scores.extend([] if found is None else [found])
        if len(scores) == _TOGETHER:
            for one in kept:
                one.add(start, scores, ties)
            start, scores = start + len(scores), []
    for one in kept:
        one.add(start, scores, ties)
        values = one.value().reshape(replicates, -1)
        quarter = float(values[:, :QUARTERS].var(axis=1, ddof=1).mean())
        half = float(values[:, QUARTERS:].var(axis=1, ddof=1).mean())
        yield one.measure.name, extrapolate(quarter, half, longest)


def extrapolate(quarter: float, half: float, n: int) -> NoiseError:
    """The error at `n` samples from the variances at a quarter and at half of them."""
    if half == 0:  # noise moved nothing
        return NoiseError(0.0, None)
    low, high = _RATE
    in_half, in_quarter = n // HALVES, n // QUARTERS
    seen = np.log(quarter / half) / np.log(in_half / in_quarter) if quarter > 0 else low
    rate = min(max(float(seen), low), high)
    variance = half * (in_half / n) ** rate
    to_halve = round(n * 4 ** (1 / rate)) if rate >= _SLOWEST else None
    return NoiseError(float(np.sqrt(variance)), to_halve)
