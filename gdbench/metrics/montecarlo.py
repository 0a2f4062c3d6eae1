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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.denoising import is_weighted, terms
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


def _values(
    measure: Measure,
    labels: Sequence[Label],
    scores: Sequence[NDArray[np.float32]],
    ties: TieRule,
) -> NDArray[np.float64]:
    """The metric (replicates,) for scores of shape (replicates, n_images, n_texts) per item."""
    chosen, part_names = members(measure, labels)
    parts = np.unique(part_names, return_inverse=True)[1]
    row_of = {index: row for row, index in enumerate(chosen)}
    values = np.empty((len(scores[0]), len(chosen)))
    for stack in stacks(labels, chosen):
        rows = [row_of[int(i)] for i in stack.positions]
        matrices = np.stack([scores[i] for i in stack.positions], axis=1)
        values[:, rows] = by_rule(measure.credits(stack.query, stack.gold, matrices), ties)
    indicator = np.eye(parts.max() + 1)[parts]
    mean: NDArray[np.float64] = (values @ indicator / indicator.sum(axis=0)).mean(axis=1)
    return mean


def noise_errors(
    measures: Sequence[AnyMeasure],
    labels: Sequence[Label],
    errors: Sequence[Errors],
    settings: ModelSettings | None = None,
    *,
    ties: TieRule = "expected",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Iterator[tuple[str, NoiseError]]:
    """Name and Monte-Carlo error of each accuracy-like measure that has items.

    Nothing where an item has no errors, fewer than eight timesteps were evaluated, or timesteps
    are weighted (`settings.weighting`), where quarters would need the weights; and nothing for a
    measure of fewer than 20 items.
    """
    lengths = [0 if e.errors is None else int(e.errors.shape[-1]) for e in errors]
    longest = max(lengths, default=0)
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
    scores = []
    for e, length in zip(errors, lengths, strict=True):
        found = replicate_scores(e, weights[:, :length], settings)
        if found is None:
            return
        scores.append(found)
    for measure in means(measures):
        if len(members(measure, labels)[0]) < MIN_ITEMS:
            continue
        values = _values(measure, labels, scores, ties).reshape(replicates, -1)
        quarter = float(values[:, :QUARTERS].var(axis=1, ddof=1).mean())
        half = float(values[:, QUARTERS:].var(axis=1, ddof=1).mean())
        yield measure.name, extrapolate(quarter, half, longest)


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
