"""In which precision a score is kept: float32 where that changes no order, else float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SMALLEST = float(np.finfo(np.float32).tiny)
"""Below it float32 has fewer and fewer digits, and none below 1e-45."""


def narrowed(
    scores: NDArray[np.floating],
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Scores of one item as float32, or as float64 where float32 would not do.

    float32 would not do where it makes two different scores equal, turns one into infinity, or
    where one is too small for its seven digits (products of probabilities): the item's credit
    would then be that of a tie. `scores` has any shape; float64 holds every value of it. What was
    narrowed before comes back as it is, whatever the type it was stored in.
    """
    if scores.dtype == np.float32:
        return scores
    wide = scores.astype(np.float64, copy=False)
    with np.errstate(over="ignore", under="ignore"):
        narrow = wide.astype(np.float32)
    if np.array_equal(narrow, wide):
        return narrow
    order = np.argsort(wide, axis=None, kind="stable")
    before, after = wide.ravel()[order], narrow.ravel()[order]
    merged = (before[1:] != before[:-1]) & (after[1:] == after[:-1])
    small = (before != 0) & (np.abs(before) < _SMALLEST)
    if merged.any() or small.any() or not np.isfinite(narrow).all():
        return wide
    return narrow
