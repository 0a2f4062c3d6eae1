"""Sequential stopping: a bound that holds for every item, however small its margin.

At each look, one-sided Student-t bounds on the mean paired differences, with the finite-population
correction (Cochran 1977, chapter 2: the full budget is a population of N timesteps of which n are
known), tell which comparisons the full budget would not turn around. The level is divided by the
number of comparisons that could spoil a decision (Bonferroni; `TopK.comparisons`) and shared by the
looks (`looks.nominal_level`), so that an item's decisions differ from the full run's with
probability at most `delta`, as far as the t approximation holds (docs/stopping.md has what was
measured).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from gdbench.metrics.prefixes import standard_error
from gdbench.models.diffusion_itm.looks import LOOKS, nominal_level
from gdbench.models.diffusion_itm.racing import Differences, Race, TopK, lines_of


def surely_worse(prefix: Differences, n_timesteps: int, level: float) -> NDArray[np.bool_]:
    """Which candidates surely have a larger mean error than which others.

    Args:
        prefix: errors of shape (n_candidates, n) at the first n of `n_timesteps` timesteps.
        n_timesteps: the full budget N.
        level: one-sided error level of a single comparison.

    Returns:
        (n_candidates, n_candidates): [a, b] is true where the lower bound of the mean of
        error a minus error b over all N timesteps is above 0. At n = N the bound is the mean.
    """
    n = prefix.shape[1]
    difference = prefix[:, None, :] - prefix[None, :, :]
    mean: Differences = difference.mean(axis=-1)
    if n >= n_timesteps:
        return mean > 0
    if n < 2:  # noqa: PLR2004 # no variance from one observation
        return np.zeros(mean.shape, bool)
    error = standard_error(difference, n_timesteps)
    lower: Differences = mean - student.ppf(1.0 - level, n - 1) * error
    return (lower > 0) & (mean > 0)


class SequentialRace(Race):
    """See the module; `delta` is shared by all comparisons and looks."""

    looks = LOOKS
    default_delta = 0.05
    mark = "+stop"

    def __init__(
        self, n_candidates: int, n_timesteps: int, delta: float, ranks: Sequence[int] = (1,)
    ) -> None:
        super().__init__(n_candidates, n_timesteps, delta, ranks)
        comparisons = sum(TopK.comparisons(n_candidates, q.places) for q in self.questions)
        self.level = delta / max(comparisons, 1)

    def _settle(self, prefix: Differences, rows: NDArray[np.intp], looks: tuple[int, ...]) -> None:
        worse = np.zeros((len(self.open), len(self.open)), bool)
        level = nominal_level(looks, self.n_timesteps, self.level)
        worse[np.ix_(rows, rows)] = surely_worse(prefix[rows], self.n_timesteps, level)
        for question in self.questions:
            question.settle(worse)

    @classmethod
    def matching_is_decided(
        cls, errors: Differences, n_timesteps: int, delta: float, looks: tuple[int, ...]
    ) -> bool:
        """See `Race`."""
        lines = lines_of(errors)
        comparisons = sum(len(line) * (len(line) - 1) // 2 for line in lines)
        level = nominal_level(looks, n_timesteps, delta / comparisons)
        for line in lines:
            worse = surely_worse(line, n_timesteps, level)
            known = np.logical_or(worse, worse.T)
            if not known[np.triu_indices(len(line), 1)].all():
                return False
        return True
