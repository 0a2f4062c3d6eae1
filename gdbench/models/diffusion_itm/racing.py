"""Sequential stopping: spend samples only where they can still change the decision.

All candidates of an item are seen with the same latents, timesteps and noise, so the difference
of two candidates' errors at one timestep is a paired observation. At each look, one-sided
Student-t bounds on the mean differences, with the finite-population correction (Cochran 1977,
chapter 2: the full budget is a population of N timesteps of which n are known), tell which
comparisons the full budget would not turn around. The level is divided by the number of
comparisons that could spoil a decision (Bonferroni; `TopK.comparisons`) and shared by the looks
(`looks.nominal_level`), so that an item's decisions differ from the full run's with probability
at most `delta`, as far as the t approximation holds (docs/stopping.md has what was measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from gdbench.metrics.denoising import terms
from gdbench.metrics.prefixes import standard_error
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
    error = standard_error(difference, n_timesteps)
    lower: Differences = mean - student.ppf(1.0 - level, n - 1) * error
    return (lower > 0) & (mean > 0)


class TopK:
    """Which of the candidates are the k best? Settled one by one, as the comparisons are.

    A candidate is out when k of the open ones are surely better, in when it is surely better than
    all but k - 1 of the others; places that are taken leave fewer to be had. If no true member of
    the k best is ever surely worse than a candidate that is none, no candidate is settled wrongly:
    of k that beat a member one would have to be no member, and the other way round.
    """

    def __init__(self, n_candidates: int, k: int) -> None:
        self.open = np.ones(n_candidates, bool)
        self.places = k

    @staticmethod
    def comparisons(n_candidates: int, k: int) -> int:
        """How many comparisons there are between a member of the k best and one that is none."""
        return k * (n_candidates - k)

    def settle(self, worse: NDArray[np.bool_]) -> None:
        """Take in what is sure: worse[a, b] (n_candidates, n_candidates), see `surely_worse`."""
        left = int(self.open.sum())
        among = worse[np.ix_(self.open, self.open)]
        out = among.sum(axis=1) >= self.places
        inside = among.sum(axis=0) >= left - self.places
        self.places -= int(inside.sum())
        self.open[np.flatnonzero(self.open)[out | inside]] = False
        if self.places in (0, self.open.sum()):
            self.open[:] = False


class Race:
    """The candidates of a retrieval item, down to those that still need samples.

    Args:
        n_candidates: how many the item has.
        n_timesteps: the full budget.
        delta: level of the item's decisions, all ranks together.
        ranks: what has to be right: 1 the best candidate, 5 the set of the five best.
    """

    def __init__(
        self, n_candidates: int, n_timesteps: int, delta: float, ranks: Sequence[int] = (1,)
    ) -> None:
        self.n_timesteps = n_timesteps
        useful = [k for k in ranks if k < n_candidates]
        self.questions = [TopK(n_candidates, k) for k in useful]
        comparisons = sum(TopK.comparisons(n_candidates, k) for k in useful)
        self.level = delta / max(comparisons, 1)
        self.open = self._any_open(n_candidates)

    def look(self, prefix: Differences, looks: tuple[int, ...]) -> None:
        """Settle what the errors (n_candidates, n) of the first n timesteps make sure.

        Rows of candidates that are no longer `open` are not read.
        """
        rows = np.flatnonzero(self.open)
        worse = np.zeros((len(self.open), len(self.open)), bool)
        level = nominal_level(looks, self.n_timesteps, self.level)
        worse[np.ix_(rows, rows)] = surely_worse(prefix[rows], self.n_timesteps, level)
        for question in self.questions:
            question.settle(worse)
        self.open = self._any_open(len(self.open))

    def _any_open(self, n_candidates: int) -> NDArray[np.bool_]:
        found = np.zeros(n_candidates, bool)
        for question in self.questions:
            found |= question.open
        return found


class RacePlan:
    """Looks at an item after 8, 12, 16, … timesteps and goes on only where it is undecided.

    In retrieval, candidates leave the race one by one (`Race`). Matching items (2 x 2) stop when
    all comparisons along rows and columns are decided.
    """

    def __init__(
        self,
        query: Query,
        n_timesteps: int,
        *,
        delta: float,
        ranks: Sequence[int] = (1,),
        normalise: bool = True,
        squared: bool = False,
    ) -> None:
        self.query, self.n_timesteps, self.delta = query, n_timesteps, delta
        self.ranks, self.normalise, self.squared = tuple(ranks), normalise, squared
        self.looks = looks_for(n_timesteps)
        self._next = 0  # index into looks
        self._race: Race | None = None

    def next_block(self, job: Job) -> tuple[range, Cells] | None:
        """See `engine.Plan`."""
        start = self.looks[self._next - 1] if self._next else 0
        alive: Cells = self._undecided(job, start) if start else np.ones(job.errors.shape[:2], bool)
        if not alive.any() or self._next == len(self.looks):
            return None
        stop = self.looks[self._next]
        self._next += 1
        return range(start, stop), alive

    def _undecided(self, job: Job, n: int) -> Cells:
        """The pairs that still matter after n timesteps; none of them when all is decided."""
        errors = self._errors(job, n)
        shape = errors.shape[:2]
        if self.query is Query.MATCHING:
            done = matching_is_decided(errors, self.n_timesteps, self.delta, self.looks)
            return np.full(shape, not done)
        candidates = shape[0] * shape[1]
        if self._race is None:
            self._race = Race(candidates, self.n_timesteps, self.delta, self.ranks)
        self._race.look(errors.reshape(candidates, -1), self.looks)
        return self._race.open.reshape(shape)

    def _errors(self, job: Job, n: int) -> Differences:
        """What is compared (n_images, n_texts, n), after n timesteps."""
        subtract = self.normalise and job.shared
        base = np.stack([shared.values[:n] for shared in job.shared]) if subtract else None
        return terms(job.errors[:, :, :n], base, norm="mse" if self.squared else "l2")


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
