"""How much of a number is the choice of timesteps and noise, with the items held fixed.

A score averages the errors at T timesteps, each with its own noise. Sorted by timestep, two
neighbours form a stratum; a half-sample keeps one of each stratum, and a metric's spread over
half-samples around its value estimates its standard error (repeated half-samples, McCarthy 1969).
Unlike a jackknife this also works for metrics that jump, such as accuracies, and unlike a plain
bootstrap it does not count the smooth change of the error over the timesteps as noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.measures import AnyMeasure, EffectSize, Measure, TieRule, members, stacks
from gdbench.protocol import Label
from gdbench.records import ModelSettings

REPLICATES = 64
MIN_TIMESTEPS = 4  # fewer strata than two say nothing of the spread


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
    samples_to_halve: int
    """Timesteps that would halve `se`: it falls with the square root of their number."""


def half_sample_weights(
    n_timesteps: int,
    timesteps: Sequence[int] | None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Weights (replicates, n_timesteps) of 0 and 1: one timestep of each pair of neighbours.

    `timesteps` gives the timestep at each position of the log (default: in order). An odd one out
    stays in every half-sample. Half-samples come in complementary pairs.
    """
    order = np.argsort(timesteps[:n_timesteps] if timesteps is not None else np.arange(n_timesteps))
    pairs = order[: n_timesteps // 2 * 2].reshape(-1, 2)
    rng = np.random.default_rng(seed)
    pick = rng.integers(0, 2, size=((replicates + 1) // 2, len(pairs)))
    pick = np.concatenate([pick, 1 - pick])[:replicates]
    weights = np.ones((replicates, n_timesteps), dtype=np.float32)
    weights[np.arange(replicates)[:, None], pairs[np.arange(len(pairs)), pick]] = 0
    return weights


def replicate_scores(
    item: Errors, weights: NDArray[np.float32], settings: ModelSettings | None
) -> NDArray[np.float32] | None:
    """Scores (replicates, n_images, n_texts) of one item for each row of weights; None: no errors.

    Up to a positive factor and a term that is the same for all texts and images: neither changes
    a rank. A pair that a half-sample leaves without a timestep keeps its full mean.
    """
    if item.errors is None:
        return None
    value = item.errors.astype(np.float64)
    base = item.unconditional_errors
    if settings is not None and settings.normalise is False:
        base = None
    squared = settings is not None and settings.norm == "mse"
    if squared:
        value = value**2
    if base is not None:
        value = value - (base.astype(np.float64) ** (2 if squared else 1))[:, None]
    known = ~np.isnan(value)
    filled = np.where(known, value, 0.0)
    total = np.einsum("ijt,rt->rij", filled, weights)
    weight = np.einsum("ijt,rt->rij", known, weights)
    full = filled.sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float64] = np.where(weight > 0, total / weight, full)
    return (-mean).astype(np.float32)


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
        found = measure.credits(stack.query, stack.gold, matrices)
        by_rule = {
            "expected": found.expected,
            "strict": found.strict,
            "lenient": found.lenient,
            "release-2023": found.release,
        }
        values[:, rows] = by_rule[ties]
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

    Nothing where an item has no errors, fewer than four timesteps were evaluated, or timesteps
    are weighted (`settings.weighting`), where half-samples would need the weights.
    """
    lengths = [0 if e.errors is None else int(e.errors.shape[-1]) for e in errors]
    longest = max(lengths, default=0)
    if 0 in lengths or longest < MIN_TIMESTEPS:
        return
    if settings is not None and settings.weighting not in (None, "uniform", "none"):
        return
    timesteps = settings.timesteps if settings is not None else None
    if timesteps is not None and len(timesteps) < longest:
        timesteps = None
    all_weights = half_sample_weights(longest, timesteps, replicates, seed)
    whole = np.ones((1, longest), dtype=np.float32)
    weights = np.concatenate([whole, all_weights])
    scores = []
    for e, length in zip(errors, lengths, strict=True):
        found = replicate_scores(e, weights[:, :length], settings)
        if found is None:
            return
        scores.append(found)
    for measure in measures:
        if isinstance(measure, EffectSize) or not members(measure, labels)[0]:
            continue
        values = _values(measure, labels, scores, ties)
        se = float(np.sqrt(np.mean((values[1:] - values[0]) ** 2)))
        yield measure.name, NoiseError(se, 4 * longest)
