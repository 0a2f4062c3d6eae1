"""Sequential stopping: spend samples only where they can still change the decision.

All candidates of an item are seen with the same latents, timesteps and noise, so the difference
of two candidates' errors at one timestep is a paired observation. At each look, one-sided
Student-t bounds on the mean differences, with the finite-population correction (Cochran 1977,
chapter 2: the full budget is a population of N timesteps of which n are known), tell which
comparisons the full budget would not turn around. The level is divided by the number of
comparisons (Bonferroni) and shared by the looks (`looks.nominal_level`), so that an item's
decision differs from the full run's with probability at most `delta`, as far as the t
approximation holds (docs/stopping.md has what was measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from gdbench.models.diffusion_itm.looks import looks_for, nominal_level
from gdbench.protocol import Query

if TYPE_CHECKING:  # the engine knows plans by their protocol only
    from gdbench.models.diffusion_itm.engine import Cells, Job

Differences = NDArray[np.float64]


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
    spread = difference.std(axis=-1, ddof=1) * np.sqrt((1.0 - n / n_timesteps) / n)
    lower: Differences = mean - student.ppf(1.0 - level, n - 1) * spread
    return (lower > 0) & (mean > 0)


class RacePlan:
    """Looks at an item after 8, 12, 16, … timesteps and goes on only where it is undecided.

    `needs` are the ranks that have to be right: 1 the best candidate, 5 the set of the five best.
    Where only the best is needed, candidates that surely are not it are dropped one by one;
    otherwise the whole item goes on until all is decided. Matching items (2 x 2) stop when all
    comparisons along rows and columns are decided.
    """

    def __init__(
        self,
        query: Query,
        n_timesteps: int,
        *,
        delta: float,
        needs: Sequence[int] = (1,),
        normalise: bool = True,
        squared: bool = False,
    ) -> None:
        self.query, self.n_timesteps, self.delta = query, n_timesteps, delta
        self.needs, self.normalise, self.power = tuple(needs), normalise, 2 if squared else 1
        self.looks = looks_for(n_timesteps)
        self._next = 0  # index into looks
        self._alive: Cells | None = None

    def next_block(self, job: Job) -> tuple[range, Cells] | None:
        """See `engine.Plan`."""
        start = self.looks[self._next - 1] if self._next else 0
        if self._alive is None:
            self._alive = np.ones(job.errors.shape[:2], bool)
        else:
            self._alive = self._undecided(job, start)
            if not self._alive.any():
                return None
        if self._next == len(self.looks):
            return None
        stop = self.looks[self._next]
        self._next += 1
        return range(start, stop), self._alive

    def _undecided(self, job: Job, n: int) -> Cells:
        """The pairs that still matter after n timesteps; none of them when all is decided."""
        alive = self._alive
        assert alive is not None  # noqa: S101 # set by the first call
        errors = job.errors[:, :, :n].astype(np.float64) ** self.power
        if self.normalise and job.shared:
            base = np.stack([shared.values[:n] for shared in job.shared])
            errors = errors - base[:, None, :].astype(np.float64) ** self.power
        nothing = np.zeros(alive.shape, bool)
        if self.query is Query.MATCHING:
            done = matching_is_decided(errors, self.n_timesteps, self.delta, self.looks)
            return nothing if done else alive
        cells = np.argwhere(alive)
        kept = survivors(
            errors[alive], alive.size, self.n_timesteps, self.delta, self.looks, self.needs
        )
        if not kept.any():
            return nothing
        still = nothing.copy()
        still[tuple(cells[kept].T)] = True
        return still


def survivors(
    prefix: Differences,
    n_candidates: int,
    n_timesteps: int,
    delta: float,
    looks: tuple[int, ...],
    needs: Sequence[int] = (1,),
) -> NDArray[np.bool_]:
    """Which of the candidates left need more samples; none when the item is decided.

    Args:
        prefix: errors (n_left, n) of the candidates that are left, at the first n timesteps.
        n_candidates: how many the item began with.
        n_timesteps: the full budget.
        delta: level of the item's decision.
        looks: all prefix lengths at which the rule looks.
        needs: ranks that have to be right.
    """
    left = len(prefix)
    if tuple(needs) == (1,):
        # to lose the true best, one of its n - 1 comparisons has to go wrong at one of the looks
        level = nominal_level(looks, n_timesteps, delta / max(n_candidates - 1, 1))
        kept = surely_worse(prefix, n_timesteps, level).sum(axis=1) == 0
        return kept if kept.sum() > 1 else np.zeros(left, bool)
    pairs = max(n_candidates * (n_candidates - 1) // 2, 1)
    worse = surely_worse(prefix, n_timesteps, nominal_level(looks, n_timesteps, delta / pairs))
    beaten_by, beats = worse.sum(axis=1), worse.sum(axis=0)
    decided = all(
        ((beaten_by >= rank) | (beats >= left - rank)).all() for rank in needs if rank < left
    )
    return np.full(left, not decided)


def matching_is_decided(
    errors: Differences, n_timesteps: int, delta: float, looks: tuple[int, ...]
) -> bool:
    """Whether all comparisons within rows and columns of (images, texts, n) are decided."""
    rows, columns = errors.shape[:2]
    lines = [errors[i] for i in range(rows)] + [errors[:, j] for j in range(columns)]
    lines = [line for line in lines if len(line) > 1]
    comparisons = sum(len(line) * (len(line) - 1) // 2 for line in lines)
    level = nominal_level(looks, n_timesteps, delta / comparisons)
    for line in lines:
        worse = surely_worse(line, n_timesteps, level)
        known = np.logical_or(worse, worse.T)
        if not known[np.triu_indices(len(line), 1)].all():
            return False
    return True
