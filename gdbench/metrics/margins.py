"""How far an item's decision was from the other one, and what it cost, from its errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.denoising import terms
from gdbench.metrics.prefixes import standard_error
from gdbench.protocol import Scores
from gdbench.records import Stop

Cell = tuple[int, int]  # image, text


@dataclass(frozen=True)
class Margin:
    """One item: passes used of those the full budget takes, and how sure the decision is.

    `margin` is the mean paired difference of the two best candidates' errors over the samples
    both have (L2 norms of the prediction error), in items of several images and texts that of the
    closest comparison along a row or a column; `standard_errors` the same divided by its
    standard error (`gdbench.metrics.prefixes.standard_error`). It is None
    where the item has one candidate, or where both were seen on the full budget, after which
    nothing is left to chance.
    """

    item: str
    passes: int
    full_passes: int
    margin: float | None
    standard_errors: float | None
    last_left: int
    """After how many samples the last candidate left that has not the full budget; 0: none did."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def margin(scores: Scores, n_timesteps: int) -> Margin:
    """The margin of an item that has errors; `n_timesteps` is the full budget.

    Raises ValueError where the item has no errors.
    """
    if scores.errors is None:
        msg = f"item {scores.item_id} has no per-timestep errors"
        raise ValueError(msg)
    n_images, n_texts = scores.errors.shape[:2]
    passes, full = int((~np.isnan(scores.errors)).sum()), n_images * n_texts * n_timesteps
    base = scores.unconditional_errors
    if base is not None:
        passes += int((~np.isnan(base)).sum())
        full += len(base) * n_timesteps
    # One image: the subtracted term is the same for every text.
    errors = terms(scores.errors, base if n_images > 1 else None)
    found = [_compared(errors[one], errors[other], n_timesteps) for one, other in _pairs(scores)]
    lengths = (~np.isnan(scores.errors)).sum(axis=-1)
    left = last_left(lengths, n_timesteps)
    if not found:
        return Margin(scores.item_id, passes, full, None, None, left)
    mean, sure = min(found, key=lambda pair: (pair[1] is None, pair[1] or 0.0))
    return Margin(scores.item_id, passes, full, mean, sure, left)


def last_left(lengths: NDArray[np.integer], n_timesteps: int) -> int:
    """After how many samples the last candidate left, of how many each has had; 0: none did."""
    return int(lengths[lengths < n_timesteps].max(initial=0))


def kept_share(left: Sequence[int], n_timesteps: int, stop: Stop, delta: float) -> float:
    """The share of decisions, at least, that a stopping rule promises not to change, 0 to 1.

    Of the sequential rule 1 - delta; of the predictive rule, on average over items, 1 - delta times
    the share of the budget after which the last candidate left. 1 where every item ran in full.

    Args:
        left: `last_left` of each item.
        n_timesteps: the full budget.
        stop: the rule.
        delta: its level.
    """
    if not any(left):
        return 1.0
    if stop == "sequential":
        return 1.0 - delta
    return 1.0 - delta * float(np.mean(left)) / n_timesteps


def _pairs(scores: Scores) -> list[tuple[Cell, Cell]]:
    """The cells (image, text) whose order the item's decision rests on, the better one first."""
    matrix = scores.matrix
    rows, columns = matrix.shape
    if min(rows, columns) > 1:
        lines = [[(i, j) for j in range(columns)] for i in range(rows)]
        lines += [[(i, j) for i in range(rows)] for j in range(columns)]
    else:
        best: list[Cell] = [
            (int(k) // columns, int(k) % columns)
            for k in np.argsort(-matrix.reshape(-1), kind="stable")[:2]
        ]
        lines = [best]
    return [
        (a, b) if matrix[a] >= matrix[b] else (b, a)
        for line in lines
        for a, b in combinations(line, 2)
    ]


def _compared(
    best: NDArray[np.float64], second: NDArray[np.float64], n_timesteps: int
) -> tuple[float, float | None]:
    """Mean difference, and the same in standard errors (None: the whole budget was seen)."""
    difference = second - best
    difference = difference[~np.isnan(difference)]
    n, mean = len(difference), float(difference.mean())
    error = float(standard_error(difference, n_timesteps)) if 1 < n < n_timesteps else 0.0
    return mean, mean / error if error > 0 else None
