"""Submissions that are another's: seen in their answers and in the order of their scores.

Bytes and hashes say little: a copy may be scaled, shifted, rounded or sprinkled with noise. What
it keeps is which answers it gives, the wrong ones above all, and how its scores are ordered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gdbench.protocol import Label, Matrix, Query
from gdbench.submissions.finished import Finished

FEWEST_ITEMS = 20
"""Fewer items tell nothing of two models."""
SAME_ORDER = 0.9995
"""Rank correlation of all scores (Spearman 1904) from which on one is made from the other. A model
and its own LoRA reach 0.9992 on the mini suite, models that share no weights 0.78."""
SAME_WRONG = 0.98
"""Share of the items that either has wrong on which both give the same answer; the same LoRA
reaches 0.86 where there are so many, models that share no weights 0.1."""
FEWEST_WRONG = 30
"""Models that have hardly anything wrong agree because they are right."""
CLOSE_ORDER = 0.95
"""Rank correlation from which on a reader is told: the same base model, or a disguised copy."""
_MOST_VALUES = 200_000


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a result's scores to compare it with others."""

    questions: tuple[object, ...]
    """Task, suite and mode."""
    ids: tuple[str, ...]
    answers: NDArray[np.int64]
    """(n,): a number for each answer; equal answers have equal numbers."""
    right: NDArray[np.bool_]
    """(n,): whether the answer is the label's."""
    values: NDArray[np.float32]
    """Scores less the mean of their item, the items one after the other."""
    sizes: NDArray[np.int64]
    """(n,): number of scores of each item."""

    @cached_property
    def order(self) -> NDArray[np.float64]:
        """Ranks of all values, centred and of length 1: the inner product of two is Spearman's."""
        found: NDArray[np.float64] = _centred(rankdata(self.values)[None])[0]
        return found

    @cached_property
    def orders(self) -> tuple[NDArray[np.float64], ...]:
        """The same inside each item of three candidates or more: a matrix for each size."""
        return tuple(
            _centred(rankdata(self.values[np.repeat(self.sizes == n, self.sizes)].reshape(-1, n),
                              axis=1))
            for n in np.unique(self.sizes)
            if n >= 3  # noqa: PLR2004 # two candidates have an order, but no correlation
        )  # fmt: skip


@dataclass(frozen=True)
class Likeness:
    """How alike two results are."""

    items: int
    order: float
    """Rank correlation of the scores, each less the mean of its item."""
    within: float
    """Mean rank correlation inside the items with three candidates or more; 0 without any."""
    n_wrong: int
    """Items that either has wrong."""
    same_wrong: float
    """Share of these with the same answer."""

    @property
    def copied(self) -> bool:
        """Whether one is made from the other."""
        if self.items < FEWEST_ITEMS:
            return False
        if max(self.order, self.within) >= SAME_ORDER:
            return True
        return self.n_wrong >= FEWEST_WRONG and self.same_wrong >= SAME_WRONG

    @property
    def close(self) -> bool:
        """Whether a reader should know how alike they are."""
        enough = self.items >= FEWEST_ITEMS
        return enough and (self.copied or max(self.order, self.within) >= CLOSE_ORDER)

    @property
    def text(self) -> str:
        """In words."""
        alike = f"rank correlation of the scores {max(self.order, self.within):.4f}"
        if not self.n_wrong:
            return alike
        return f"{alike}, the same answer to {self.same_wrong:.0%} of {self.n_wrong} wrong items"


def fingerprint(finished: Finished) -> Fingerprint | None:
    """Of a checked result; None where its items or scores are not at hand.

    Items whose scores are all equal are left out: they have no answer.
    """
    if finished.manifest is None or finished.file is None:
        return None
    info, labels = finished.record.task, finished.manifest.labels
    # the difference of two numbers of float32 need not be one
    wide = {s.item_id: s.matrix.astype(np.float64) for s in finished.scores}
    kept = [s for s in finished.scores if s.item_id in labels and np.ptp(wide[s.item_id]) > 0]
    if not kept:
        return None
    values = [(wide[s.item_id] - wide[s.item_id].mean()).ravel() for s in kept]
    if sum(map(len, values)) > _MOST_VALUES:
        step = -(-sum(map(len, values)) // _MOST_VALUES)
        kept, values = kept[::step], values[::step]
    own = [_answer(labels[s.item_id].query, s.matrix) for s in kept]
    return Fingerprint(
        (info.name, info.suite, info.compat),
        tuple(s.item_id for s in kept),
        np.array([hash(answer) for answer in own], dtype=np.int64),
        np.array([_is_right(labels[s.item_id], a) for s, a in zip(kept, own, strict=True)]),
        np.concatenate(values),
        np.array([len(v) for v in values]),
    )


def _answer(query: Query, matrix: Matrix) -> tuple[int, ...]:
    """The best text of each picture, then the best picture of each text, as far as asked."""
    rows = () if query is Query.IMAGE_RETRIEVAL else tuple(matrix.argmax(axis=1).tolist())
    asked = query in (Query.IMAGE_RETRIEVAL, Query.MATCHING)
    return rows + (tuple(matrix.argmax(axis=0).tolist()) if asked else ())


def _is_right(label: Label, answer: tuple[int, ...]) -> bool:
    """Associations have no right answer: nothing is wrong with theirs."""
    if label.query is Query.ASSOCIATION:
        return True
    if label.query is Query.MATCHING:
        return answer == label.gold + tuple(np.argsort(label.gold).tolist())
    return answer[:1] == label.gold[:1]


def likeness(a: Fingerprint, b: Fingerprint) -> Likeness | None:
    """Of two results with the same questions; None where they have none in common."""
    if a.questions != b.questions:
        return None
    x, y = _common(a, b)
    if not len(x.answers) or not np.array_equal(x.sizes, y.sizes):
        return None
    wrong = ~(x.right & y.right)
    n_wrong = int(wrong.sum())
    same = float((x.answers[wrong] == y.answers[wrong]).mean()) if n_wrong else 0.0
    return Likeness(
        len(x.answers), float(x.order @ y.order), _within(x, y), n_wrong, same,
    )  # fmt: skip


def _common(a: Fingerprint, b: Fingerprint) -> tuple[Fingerprint, Fingerprint]:
    """Both, with the items of both in the same order."""
    if a.ids == b.ids:
        return a, b
    shared = sorted(set(a.ids) & set(b.ids))
    return _only(a, shared), _only(b, shared)


def _only(f: Fingerprint, ids: Iterable[str]) -> Fingerprint:
    place = {name: i for i, name in enumerate(f.ids)}
    index = np.array([place[name] for name in ids], dtype=np.int64)
    ends = np.cumsum(f.sizes)
    parts = [f.values[ends[i] - f.sizes[i] : ends[i]] for i in index]
    values = np.concatenate(parts) if parts else f.values[:0]
    return Fingerprint(
        f.questions, tuple(ids), f.answers[index], f.right[index], values, f.sizes[index]
    )


def _within(x: Fingerprint, y: Fingerprint) -> float:
    """Mean over items of the rank correlation of their candidates."""
    found = [np.einsum("ij,ij->i", p, q) for p, q in zip(x.orders, y.orders, strict=True)]
    each = np.concatenate(found) if found else np.zeros(0)
    return float(each.mean()) if len(each) >= FEWEST_ITEMS else 0.0


def _centred(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row (m, n) less its mean, of length 1; 0 where it is constant."""
    found = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((found * found).sum(axis=1, keepdims=True))
    made: NDArray[np.float64] = found / np.where(length > 0, length, 1)
    return made
