"""Errors of candidates that were seen for different numbers of samples, made comparable.

A stopping rule leaves each candidate with errors at the first n timesteps of a common order, NaN
after that. Plain means over different timesteps are not comparable, because the error depends on
the timestep more than on the caption. Paired differences over a common prefix are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill_dropped(
    values: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Errors with every candidate carried on to the longest prefix of the item.

    A candidate that was dropped after n timesteps goes on as the best candidate that was kept
    (best over those n), moved by their mean paired difference over the n. Its mean is then that
    of the kept one plus the difference, so that it stays behind the one it lost to. What no
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
    filled = values.copy()
    longest = lengths.max()
    for length in sorted({int(n) for n in lengths if n < longest}, reverse=True):
        longer = np.flatnonzero(lengths > length)
        means = np.average(filled[longer, :length], axis=1, weights=weight[:length])
        best = longer[int(means.argmin())]
        for row in np.flatnonzero(lengths == length):
            behind = np.average(values[row, :length], weights=weight[:length]) - means.min()
            filled[row, length:longest] = filled[best, length:longest] + behind
    return filled
