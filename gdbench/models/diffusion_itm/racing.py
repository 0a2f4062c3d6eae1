"""Stopping early: spend samples only where they can still change the decision.

All candidates of an item are seen with the same latents, timesteps and noise, so the difference
of two candidates' errors at one timestep is a paired observation. At each look a rule says of
which comparisons enough is known: `sequential` with a bound that holds for every item alone,
`predictive` with the chance that the rest of the budget turns the comparison around.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.denoising import terms
from gdbench.models.diffusion_itm.looks import looks_for
from gdbench.protocol import Query

if TYPE_CHECKING:  # the engine knows plans by their protocol only
    from gdbench.models.diffusion_itm.engine import Cells, Job

Differences = NDArray[np.float64]


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


class Race(ABC):
    """The candidates of a retrieval item, down to those that still need samples.

    Args:
        n_candidates: how many the item has.
        n_timesteps: the full budget.
        delta: level of the item's decisions, all ranks together.
        ranks: what has to be right: 1 the best candidate, 5 the set of the five best.
    """

    looks: ClassVar[tuple[int, ...]]
    """Prefix lengths at which the rule looks."""
    default_delta: ClassVar[float]
    mark: ClassVar[str]
    """How the revision of a run that is stopped by this rule goes on, before its delta."""

    def __init__(
        self, n_candidates: int, n_timesteps: int, delta: float, ranks: Sequence[int] = (1,)
    ) -> None:
        self.n_timesteps, self.delta = n_timesteps, delta
        self.questions = [TopK(n_candidates, k) for k in ranks if k < n_candidates]
        self.open = self._any_open(n_candidates)

    def look(self, prefix: Differences, looks: tuple[int, ...]) -> None:
        """Settle what the errors (n_candidates, n) of the first n timesteps make sure.

        Rows of candidates that are no longer `open` are not read.
        """
        self._settle(prefix, np.flatnonzero(self.open), looks)
        self.open = self._any_open(len(self.open))

    @abstractmethod
    def _settle(self, prefix: Differences, rows: NDArray[np.intp], looks: tuple[int, ...]) -> None:
        """Tell the questions what is sure among the open candidates `rows`."""

    @classmethod
    @abstractmethod
    def matching_is_decided(
        cls, errors: Differences, n_timesteps: int, delta: float, looks: tuple[int, ...]
    ) -> bool:
        """Whether all comparisons within rows and columns of (images, texts, n) are decided."""

    def _any_open(self, n_candidates: int) -> NDArray[np.bool_]:
        found = np.zeros(n_candidates, bool)
        for question in self.questions:
            found |= question.open
        return found


def lines_of(errors: Differences) -> list[Differences]:
    """The rows and columns of (images, texts, n) in which there is something to compare."""
    lines = [*errors, *errors.swapaxes(0, 1)]
    return [line for line in lines if len(line) > 1]


class RacePlan:
    """Looks at an item at the rule's looks and goes on only where it is undecided.

    In retrieval, candidates leave the race one by one (`Race`). Matching items (2 x 2) stop when
    all comparisons along rows and columns are decided.
    """

    def __init__(
        self,
        rule: type[Race],
        query: Query,
        n_timesteps: int,
        *,
        delta: float,
        ranks: Sequence[int] = (1,),
        normalise: bool = True,
        squared: bool = False,
    ) -> None:
        self.rule, self.query = rule, query
        self.n_timesteps, self.delta = n_timesteps, delta
        self.ranks, self.normalise, self.squared = tuple(ranks), normalise, squared
        self.looks = looks_for(n_timesteps, rule.looks)
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
            done = self.rule.matching_is_decided(errors, self.n_timesteps, self.delta, self.looks)
            return np.full(shape, not done)
        candidates = shape[0] * shape[1]
        if self._race is None:
            self._race = self.rule(candidates, self.n_timesteps, self.delta, self.ranks)
        self._race.look(errors.reshape(candidates, -1), self.looks)
        return self._race.open.reshape(shape)

    def _errors(self, job: Job, n: int) -> Differences:
        """What is compared (n_images, n_texts, n), after n timesteps."""
        subtract = self.normalise and job.shared
        base = np.stack([shared.values[:n] for shared in job.shared]) if subtract else None
        return terms(job.errors[:, :, :n], base, norm="mse" if self.squared else "l2")
