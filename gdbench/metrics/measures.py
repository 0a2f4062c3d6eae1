"""Measures: what a task computes from labels and score matrices, as hashable values.

A measure first gives per-item values (`Sample`), the sufficient statistics of everything after:
the mean, intervals by resampling, and paired tests between models all work on samples alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.matching import Credit, pair_credits, recall_credit
from gdbench.protocol import Label, Matrix, Query

TieRule = Literal["expected", "strict", "lenient", "release-2023"]


@dataclass(frozen=True)
class Sample:
    """Per-item values of one metric; its value is the mean over parts of the mean over items.

    All arrays have shape (n,). A plain accuracy has one part, a macro average one per class.
    """

    ids: tuple[str, ...]
    expected: NDArray[np.float64]
    strict: NDArray[np.float64]
    lenient: NDArray[np.float64]
    tied: NDArray[np.bool_]
    chance: NDArray[np.float64]
    cluster: NDArray[np.int64]
    part: NDArray[np.int64]
    release: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def values(self, ties: TieRule = "expected") -> NDArray[np.float64]:
        """Per-item values under a tie rule."""
        return self.release if ties == "release-2023" else getattr(self, ties)  # type: ignore[no-any-return] # one of the float arrays above

    def mean(self, values: NDArray[np.float64]) -> float:
        """Mean over parts of the means of `values` (n,) within each part."""
        total = np.bincount(self.part, values)
        return float(np.mean(total / np.bincount(self.part)))


@dataclass(frozen=True)
class Recall:
    """R@k (k = 1: accuracy) in text or image retrieval over the items of some sub-tasks."""

    name: str
    subtasks: tuple[str, ...]
    k: int = 1
    by: Literal["micro", "subtask", "tag"] = "micro"  # what the parts of a macro average are
    exclude_tags: frozenset[str] = frozenset()
    flipped: bool = False  # two candidates, the other one taken as right (disputed labels)

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""
        if label.subtask not in self.subtasks or self.exclude_tags.intersection(label.tags):
            return None
        return {"micro": "", "subtask": label.subtask, "tag": "/".join(label.tags)}[self.by]

    def credit(self, label: Label, matrix: Matrix) -> Credit:
        """Credit of one item."""
        line = matrix[0, :] if label.query is Query.TEXT_RETRIEVAL else matrix[:, 0]
        gold = 1 - label.gold[0] if self.flipped else label.gold[0]
        return recall_credit(line, gold, self.k)

    def chance(self, label: Label) -> float:
        """Expected credit of a constant model."""
        return min(1.0, self.k / max(label.n_images, label.n_texts))

    def release(self, credit: Credit) -> float:
        """The 2023 rule: the first maximum is the right one; for R@5 it comes last among equals.

        Source: diffusion-itm utils.py:35-46 with label 0 (np.argmax, np.argsort).
        """
        return credit.lenient if self.k == 1 else credit.strict


@dataclass(frozen=True)
class PairMatching:
    """Winoground's text, image or group score, over all items or those with a tag."""

    name: str
    part: Literal["text", "image", "group"]
    tag: str | None = None

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""
        return "" if self.tag is None or self.tag in label.tags else None

    def credit(self, label: Label, matrix: Matrix) -> Credit:  # noqa: ARG002 # same call for all measures
        """Credit of one item."""
        return pair_credits(matrix)._asdict()[self.part]  # type: ignore[no-any-return] # a Credit

    def chance(self, label: Label) -> float:  # noqa: ARG002 # same call for all measures
        """Expected credit of a constant model."""
        return 1 / 6 if self.part == "group" else 1 / 4

    def release(self, credit: Credit) -> float:
        """The 2023 rule: strictly greater (diffusion-itm utils.py:14-15)."""
        return credit.strict


@dataclass(frozen=True)
class EffectSize:
    """Association effect size of two groups of images (see `gdbench.metrics.association`)."""

    name: str
    first: str
    second: str
    topic: str = ""  # religion, nationality, orientation, …: averaged over and shown together


Measure = Recall | PairMatching
AnyMeasure = Measure | EffectSize


def sample(measure: Measure, labels: Sequence[Label], matrices: Sequence[Matrix]) -> Sample | None:
    """Per-item values of `measure`; None where no item belongs to it."""
    rows: list[tuple[str, Credit, float, str, str]] = []
    for label, matrix in zip(labels, matrices, strict=True):
        part = measure.part_of(label)
        if part is not None:
            credit = measure.credit(label, matrix)
            rows.append((label.id, credit, measure.chance(label), label.cluster, part))
    if not rows:
        return None
    column: Callable[..., NDArray[np.float64]] = partial(np.array, dtype=np.float64)
    return Sample(
        ids=tuple(r[0] for r in rows),
        expected=column([r[1].expected for r in rows]),
        strict=column([r[1].strict for r in rows]),
        lenient=column([r[1].lenient for r in rows]),
        tied=np.array([r[1].tied for r in rows]),
        chance=column([r[2] for r in rows]),
        cluster=np.unique([r[3] for r in rows], return_inverse=True)[1],
        part=np.unique([r[4] for r in rows], return_inverse=True)[1],
        release=column([measure.release(r[1]) for r in rows]),
    )
