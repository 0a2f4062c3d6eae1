"""Errors of candidates that were seen for different numbers of samples, made comparable.

A stopping rule leaves each candidate with errors at the first n timesteps of a common order, NaN
after that. Plain means over different timesteps are not comparable, because the error depends on
the timestep more than on the caption. Paired differences over a common prefix are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def standard_error(differences: Floats, n_timesteps: int) -> Floats:
    """Standard error of the mean over n of `n_timesteps` timesteps, for the mean over all.

    The full budget is a finite population of which n are known (Cochran 1977, chapter 2).

    Args:
        differences: paired differences (..., n), n >= 2.
        n_timesteps: the full budget.
    """
    n = differences.shape[-1]
    error: Floats = differences.std(axis=-1, ddof=1) * np.sqrt((1.0 - n / n_timesteps) / n)
    return error


def fill_dropped(values: Floats, weights: Floats | None = None) -> Floats:
    """Errors with every candidate carried on to the longest prefix of the item.

    A candidate that left the race after n timesteps goes on as the best of those that stayed
    (best over those n), moved by a constant, so that its mean is that one's plus their mean paired
    difference over the n. Where this would change how many of those that stayed are ahead of it,
    its mean is moved to where that number stays the same: what was decided when it left, stays
    decided, whether it left as one that is surely out or as one that is surely in. What no
    candidate was evaluated at stays NaN.

    Args:
        values: (n_candidates, n_timesteps), NaN from a candidate's n-th timestep on.
        weights: (n_timesteps,), by default all equal.

    Raises:
        ValueError: A NaN stands before a number, or a candidate has no number at all.
    """
    weight = np.ones(values.shape[1]) if weights is None else weights
    known = ~np.isnan(values)
    lengths = np.count_nonzero(known, axis=1)
    if (known != (np.arange(values.shape[1]) < lengths[:, None])).any() or not lengths.all():
        raise ValueError("errors must be known for a prefix of the timesteps, and NaN after it")
    longest = int(lengths.max())

    def mean(rows: Floats, n: int) -> Floats:
        found: Floats = np.average(rows[..., :n], axis=-1, weights=weight[:n])
        return found

    filled = values.copy()
    own = np.array([mean(row, n) for row, n in zip(values, lengths, strict=True)])
    placed = list(np.flatnonzero(lengths == longest))
    for row in sorted(np.flatnonzero(lengths < longest), key=lambda r: (-lengths[r], own[r])):
        n = int(lengths[row])
        prefix, totals = mean(filled[placed], n), mean(filled[placed], longest)
        best = int(prefix.argmin())
        target = _place(own[row], prefix, totals)
        rest = filled[placed[best], n:longest]
        share = weight[n:longest].sum() / weight[:longest].sum()
        ends = (target - (1 - share) * own[row]) / share  # the mean that the rest has to have
        filled[row, n:longest] = rest + (ends - np.average(rest, weights=weight[n:longest]))
        placed.append(row)
    return filled


def _place(own: float, prefix: Floats, totals: Floats) -> float:
    """The mean for a candidate with mean `own` over n timesteps, beside those that stayed.

    `prefix` and `totals` are their means over the n, and over all timesteps that they have.
    """
    best = prefix.argmin()
    target = float(totals[best] + own - prefix[best])
    ordered, ahead = np.sort(totals), int((prefix < own).sum())
    if ahead == 0:
        return min(target, float(ordered[0] - (prefix[best] - own)))
    if ahead == len(ordered):
        return max(target, float(ordered[-1] + own - prefix.max()))
    low, high = ordered[ahead - 1], ordered[ahead]
    return target if low < target < high else float((low + high) / 2)
