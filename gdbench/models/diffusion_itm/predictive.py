"""Predictive stopping: what is the chance that the rest of the budget turns a decision around?

The mean paired difference over the full budget of N timesteps, given the first n, has a Student-t
distribution about the mean over the n: the predictive distribution of an interim analysis with a
flat prior (Spiegelhalter, Freedman and Blackburn 1986, "predictive power"; stochastic
curtailment: Lan, Simon and Halperin 1982). An item may risk `delta` times the share of the budget
that it has used: a candidate leaves where the chances of the comparisons that it could still
spoil fit into what is left of that. Early on a few samples more settle what is nearly clear;
later they are dear, and what is still open is close to a tie.

So the promise is one for the mean over items, `delta` times their mean share of the budget, and
not, as in sequential stopping, a bound for the worst of them: the chance is right on average over
margins of every size; where all items are near to a tie, more of them turn. docs/stopping.md has
both, measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from gdbench.metrics.prefixes import standard_error
from gdbench.models.diffusion_itm.racing import Differences, Race, TopK, lines_of

LOOKS: tuple[int, ...] = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112,
                          128, 160, 192, 224)  # fmt: skip


def chance_of_turning(prefix: Differences, n_timesteps: int) -> Differences:
    """How probable it is that the full budget puts one candidate before another.

    Args:
        prefix: errors (n_candidates, n) at the first n of `n_timesteps` timesteps, n >= 2.
        n_timesteps: the full budget N.

    Returns:
        (n_candidates, n_candidates): [a, b] is the chance that the mean error of a over all N
        timesteps is below that of b. At n = N it is 0 or 1; of equal candidates it is 0.
    """
    n = prefix.shape[1]
    difference = prefix[:, None, :] - prefix[None, :, :]
    mean: Differences = difference.mean(axis=-1)
    if n >= n_timesteps:
        return (mean < 0).astype(np.float64)
    error = standard_error(difference, n_timesteps)
    known = error > 0
    z = np.divide(mean, error, where=known, out=np.zeros_like(mean))
    chance: Differences = np.where(known, student.sf(z, n - 1), mean < 0)
    return chance


class PredictiveRace(Race):
    """See the module. What was risked when a candidate left is no longer there for the others."""

    looks = LOOKS
    default_delta = 0.2
    mark = "+predict"
    risked = 0.0

    def _settle(self, prefix: Differences, rows: NDArray[np.intp], looks: tuple[int, ...]) -> None:
        del looks  # a chance has no level to be shared
        n = len(self.open)
        allowed = self.delta * prefix.shape[1] / self.n_timesteps
        chance, order = np.zeros((n, n)), np.full(n, np.inf)
        chance[np.ix_(rows, rows)] = chance_of_turning(prefix[rows], self.n_timesteps)
        order[rows] = prefix[rows].mean(axis=1)
        for question in self.questions:
            self._answer(question, chance, order, allowed - self.risked)

    def _answer(
        self, question: TopK, chance: Differences, order: Differences, allowed: float
    ) -> None:
        """Settle the candidates whose comparisons with the best ones are the safest."""
        left = np.flatnonzero(question.open)
        if not len(left):
            return
        ranked = left[np.argsort(order[left], kind="stable")]
        ahead, behind = ranked[: question.places], ranked[question.places :]
        pairs = np.ix_(behind, ahead)
        risk = chance[pairs]
        safest = np.argsort(risk, axis=None, kind="stable")
        taken = np.zeros(risk.size, bool)
        taken[safest] = np.cumsum(risk.reshape(-1)[safest]) <= allowed
        worse = np.zeros(chance.shape, bool)
        worse[pairs] = taken.reshape(risk.shape)
        question.settle(worse)
        settled = ~question.open
        used = taken.reshape(risk.shape) & (settled[behind][:, None] | settled[ahead][None, :])
        self.risked += float(risk[used].sum())

    @classmethod
    def matching_is_decided(
        cls, errors: Differences, n_timesteps: int, delta: float, looks: tuple[int, ...]
    ) -> bool:
        """See `Race`."""
        del looks  # a chance has no level to be shared
        risk = 0.0
        for line in lines_of(errors):
            chance = chance_of_turning(line, n_timesteps)
            upper = np.triu_indices(len(line), 1)
            risk += float(np.minimum(chance, chance.T)[upper].sum())
        return bool(risk <= delta * errors.shape[-1] / n_timesteps)
