"""How far an item's decision was from the other one, and what it cost, from its errors."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from gdbench.metrics.prefixes import standard_error
from gdbench.protocol import Scores


@dataclass(frozen=True)
class Margin:
    """One item: passes used of those the full budget takes, and how sure the decision is.

    `margin` is the mean paired difference of the two best pairs' errors over the samples both
    have (L2 norms of the prediction error); `standard_errors` the same divided by its
    standard error (`gdbench.metrics.prefixes.standard_error`). It is None
    where the item has one candidate, or where both were seen on the full budget, after which
    nothing is left to chance.
    """

    item: str
    passes: int
    full_passes: int
    margin: float | None
    standard_errors: float | None

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
    errors = scores.errors.astype(np.float64)
    known = ~np.isnan(errors)
    passes, full = int(known.sum()), errors.shape[0] * errors.shape[1] * n_timesteps
    if scores.unconditional_errors is not None:
        base = scores.unconditional_errors.astype(np.float64)
        passes += int((~np.isnan(base)).sum())
        full += len(base) * n_timesteps
        if errors.shape[0] > 1:  # one image: the subtracted term is the same for every text
            errors = errors - base[:, None, : errors.shape[2]]
    pairs = errors.reshape(-1, errors.shape[2])
    if len(pairs) < 2:  # noqa: PLR2004 # nothing to be compared
        return Margin(scores.item_id, passes, full, None, None)
    best, second = np.argsort(-scores.matrix.reshape(-1), kind="stable")[:2]
    difference = pairs[second] - pairs[best]
    difference = difference[~np.isnan(difference)]
    n = len(difference)
    mean = float(difference.mean())
    error = float(standard_error(difference, n_timesteps)) if 1 < n < n_timesteps else 0.0
    return Margin(scores.item_id, passes, full, mean, mean / error if error > 0 else None)
