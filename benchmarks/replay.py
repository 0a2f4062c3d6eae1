"""Rules that spend fewer samples, replayed on errors of the full budget.

A rule says which errors of an item it would have evaluated; what it decides follows from those, as
from a score log. The stopping rules are the plans that the engine follows, asked for their blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.full_errors import SAMPLES, Known
from gdbench.metrics.denoising import score_matrix
from gdbench.models.diffusion_itm.racing import Race, RacePlan
from gdbench.protocol import Query

Mask = NDArray[np.bool_]


class Seen(NamedTuple):
    """What a rule evaluates of an item."""

    conditional: Mask  # (n_images, n_texts, SAMPLES)
    base: Mask  # (n_images, SAMPLES)


Rule = Callable[[Known], Seen]


def stopped(race: type[Race], delta: float) -> Rule:
    """A stopping rule of the engine, for the best candidate."""

    def rule(item: Known) -> Seen:
        base = [] if item.base is None else [SimpleNamespace(values=row) for row in item.base]
        job: Any = SimpleNamespace(errors=item.errors, shared=base)
        plan = RacePlan(race, item.query, SAMPLES, delta=delta)
        seen = Seen(np.zeros(item.errors.shape, bool), np.zeros((len(item.errors), SAMPLES), bool))
        while (asked := plan.next_block(job)) is not None:
            steps, cells = asked
            block = slice(steps.start, steps.stop)
            seen.conditional[..., block] |= cells[..., None]
            seen.base[..., block] |= cells.any(axis=1, keepdims=True)
        if np.isnan(item.errors[seen.conditional]).any():
            raise ValueError(f"item {item.id}: the rule asks for errors that were spared")
        return seen

    return rule


def prefix(samples: int) -> Rule:
    """A smaller budget for all."""

    def rule(item: Known) -> Seen:
        first = np.arange(SAMPLES) < samples
        return Seen(
            np.broadcast_to(first, item.errors.shape),
            np.broadcast_to(first, (len(item.errors), SAMPLES)),
        )

    return rule


def staged(first: int = 25, keep: int = 5) -> Rule:
    """`first` timesteps for all, then the full budget for the best `keep` (Li et al. 2023)."""

    def rule(item: Known) -> Seen:
        seen = prefix(first)(item)
        scores = matrix(item, seen).reshape(-1)
        chosen = np.zeros(scores.shape, bool)
        chosen[np.argsort(-scores, kind="stable")[:keep]] = True
        cells = chosen.reshape(item.errors.shape[:2])
        images = cells.any(axis=1, keepdims=True)
        return Seen(seen.conditional | cells[..., None], seen.base | images)

    return rule


def matrix(item: Known, seen: Seen) -> NDArray[np.float32]:
    """The scores that the evaluated errors give."""
    base = None if item.base is None else np.where(seen.base, item.base, np.nan)
    return score_matrix(np.where(seen.conditional, item.errors, np.nan), base)


def decision(query: Query, scores: NDArray[np.floating]) -> int | tuple[bool, ...]:
    """What is decided by scores (n_images, n_texts).

    The best candidate; of 2 x 2 items the outcome of all comparisons.
    """
    if query is Query.MATCHING:
        right = np.diff(scores, axis=1)[:, 0] > 0, np.diff(scores, axis=0)[0] > 0
        return tuple(np.concatenate(right).tolist())
    return int(np.argmax(scores))


def passes(items: Sequence[Known], seen: Sequence[Seen]) -> int:
    """Network passes, an image's unconditional ones once."""
    base: dict[str, Mask] = {}
    total = 0
    for item, part in zip(items, seen, strict=True):
        total += int(part.conditional.sum())
        if item.base is not None:
            for image, row in zip(item.images, part.base, strict=True):
                base[image] = base.get(image, np.zeros(SAMPLES, bool)) | row
    return total + sum(int(row.sum()) for row in base.values())
