"""When the stopping rule looks, and which level each look may use."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

LOOKS: tuple[int, ...] = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
"""Prefix lengths at which the rule looks; the full budget is the last one."""

_GRID = 400
_LOWEST = -8.0  # standard deviations: what lies below is never missed


def looks_for(n_timesteps: int, looks: tuple[int, ...] = LOOKS) -> tuple[int, ...]:
    """The looks of a budget, the full budget last."""
    return (*(look for look in looks if look < n_timesteps), n_timesteps)


@lru_cache(maxsize=1024)
def nominal_level(looks: tuple[int, ...], n_timesteps: int, level: float) -> float:
    """One-sided level for each look, so that all of them together err with chance `level`.

    The mean of the first n of N paired differences, less the mean of all N, has the variance
    s^2 (1/n - 1/N) and is a Markov process in n, so the chance that its standardised value is
    above a constant c at any look follows by integrating from look to look (Armitage, McPherson
    and Rowe 1969; with a constant c: Pocock 1977). Looks at a growing sample are alike, so this
    asks less of each than dividing the level by their number.

    Args:
        looks: prefix lengths; those of N or more decide nothing and are ignored.
        n_timesteps: the full budget N.
        level: chance of a wrong crossing at any look, below 1/2.
    """
    spread = [1.0 / n - 1.0 / n_timesteps for n in looks if n < n_timesteps]
    if len(spread) < 2:  # noqa: PLR2004 # one look needs no correction
        return level
    top = float(norm.isf(level / len(spread)))  # Bonferroni is never too small
    c = brentq(lambda z: _crossing(z, spread) - level, float(norm.isf(level)), top + 1e-6)
    return float(norm.sf(c))


def _crossing(c: float, spread: list[float]) -> float:
    """Chance that the standardised process is above c at any of the looks."""
    points, weights = np.polynomial.legendre.leggauss(_GRID)
    half = (c - _LOWEST) / 2
    z = _LOWEST + half * (points + 1)
    mass = norm.pdf(z) * weights * half  # of not having crossed, by the value at the look
    crossed = float(norm.sf(c))
    for before, after in pairwise(spread):
        correlation = np.sqrt(after / before)
        rest = np.sqrt(1.0 - correlation**2)
        crossed += float(mass @ norm.sf((c - correlation * z) / rest))
        kernel = norm.pdf((z[None, :] - correlation * z[:, None]) / rest) / rest
        mass = (mass @ kernel) * weights * half
    return crossed
