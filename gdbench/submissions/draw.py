"""Which items of a submission are run again, and how many have to be.

The draw is made after the submission is fixed: a seed is hashed from the submission's scores and
from randomness that the submitter could not know. How many items are drawn follows from what an
audit has to find, whoever forges where: see `miss`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

_PRICES = np.geomspace(1.0, 1e6, 400)
"""Multipliers over which the bound of `miss` is maximised; any of them gives a bound."""
_HALVINGS = 40


@dataclass(frozen=True)
class Questions:
    """The items of one task of a submission, and what each of them can move."""

    ids: tuple[str, ...]
    gains: NDArray[np.float64]
    """(n,), descending: by how much one answer can change the score of the submission, 0..1."""

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.ids)


def seed_of(randomness: str, digests: Mapping[str, str]) -> bytes:
    """The seed of a draw: from the randomness and from the scores of every task of a submission.

    Args:
        randomness: what the submitter could not know when the scores were fixed.
        digests: path of each result -> sha256 of its scores.
    """
    fixed = "".join(f"{path} {digest}\n" for path, digest in sorted(digests.items()))
    submission = hashlib.sha256(fixed.encode()).hexdigest()
    return hashlib.sha256(f"gdbench audit\n{randomness}\n{submission}\n".encode()).digest()


def drawn(ids: Iterable[str], n: int, seed: bytes, path: str) -> set[str]:
    """`n` of the ids: the first by a hash that nobody can know before the seed."""
    return set(
        sorted(ids, key=lambda i: hashlib.sha256(seed + f"{path}/{i}".encode()).digest())[:n]
    )


def sizes(tasks: Mapping[str, Questions], effort: float) -> dict[str, int]:
    """Items of each task for an effort: tasks whose items weigh more give a larger share."""
    return {
        name: min(q.n, max(1, math.ceil(q.n * -math.expm1(-effort * float(q.gains[0])))))
        for name, q in tasks.items()
    }


def miss(tasks: Mapping[str, Questions], n: Mapping[str, int], gain: float) -> float:
    """The largest chance that a forgery of `gain` is not seen, whoever forges whichever items.

    A forger changes k_t answers of task t, the heaviest ones, so that the gains add up. None of
    them is among n_t of N_t drawn items with the hypergeometric probability C(N_t-k_t, n_t) /
    C(N_t, n_t), and tasks are drawn independently. The minimum of the sum of the logarithms over
    all k with enough gain is bounded from below by its Lagrangian dual (Boyd and Vandenberghe,
    Convex Optimization, 2004, section 5.1.3), so the chance is never larger than what is returned.
    """
    dual = np.asarray(_PRICES * gain)
    for name, q in tasks.items():
        reward = np.concatenate([[0.0], np.cumsum(q.gains)])
        evidence = _evidence(q.n, n[name])
        dual = dual + (evidence[None, :] - _PRICES[:, None] * reward[None, :]).min(axis=1)
    return float(np.exp(-max(0.0, float(dual.max()))))


def _evidence(total: int, n: int) -> NDArray[np.float64]:
    """-log of the chance that k of `total` items are all outside a draw of `n`, k = 0..total."""
    k = np.arange(total + 1, dtype=np.float64)
    room = total - k - n
    inside = room >= 0
    value = np.full(total + 1, 1e9)  # impossible to miss
    kept = k[inside]
    value[inside] = -(
        gammaln(total - kept + 1)
        - gammaln(total - kept - n + 1)
        - gammaln(total + 1)
        + gammaln(total - n + 1)
    )
    return value


def plan(tasks: Mapping[str, Questions], gain: float, power: float) -> dict[str, int]:
    """The fewest items of each task with which a forgery of `gain` is found with `power`.

    Tasks whose items have no gain (bias has no score) give as many items as the others would if
    they were one of them.
    """
    low, high = 0.0, 1.0
    scored = {name: q for name, q in tasks.items() if q.gains[0] > 0}
    if not scored:
        scored = dict(tasks)
    while miss(scored, sizes(scored, high), gain) > 1 - power and high < 1e12:  # noqa: PLR2004 # all
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = miss(scored, sizes(scored, middle), gain) <= 1 - power
        low, high = (low, middle) if enough else (middle, high)
    typical = max(1, len(scored))
    stand_ins = {
        name: q if name in scored else Questions(q.ids, np.full(q.n, 1 / (typical * q.n)))
        for name, q in tasks.items()
    }
    return sizes(stand_ins, high)


def smallest_found(q: Questions, n: int, power: float) -> int:
    """How many answers of one task alone must be forged to be found with `power`."""
    enough = np.flatnonzero(_evidence(q.n, n) >= -math.log1p(-power) - 1e-12)
    return int(enough[0])


def gains_of(weights: Sequence[Mapping[str, float]], n_tasks: int) -> Mapping[str, float]:
    """What an answer can move the mean of `n_tasks` tasks, from its weights in each metric."""
    total: dict[str, float] = {}
    for metric in weights:
        for item, weight in metric.items():
            total[item] = total.get(item, 0.0) + weight / len(weights) / n_tasks
    return total
