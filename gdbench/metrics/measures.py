"""Measures: what a task computes from labels and score matrices, as hashable values.

A measure first gives per-item values (`Sample`), the sufficient statistics of everything after:
the mean, intervals by resampling, and paired tests between models all work on samples alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.labels import Ints, Labels, coded, packed, renumbered, unpacked
from gdbench.metrics.matching import (
    Credit,
    Credits,
    all_above_credits,
    matching_credits,
    recall_credits,
)
from gdbench.metrics.matrices import stacked
from gdbench.numbers import EFFECT, MAGNITUDE, SHARE, Unit
from gdbench.protocol import Label, Matrix, Query
from gdbench.records import Compat, MetricValue

TieRule = Literal["expected", "strict", "lenient", "release-2023"]
LEVEL = "level "
"""How the tag of an item's level begins: how hard it is, no part of a macro average."""
_TOGETHER = 65_536  # items whose credits are counted at a time
_FIELDS: Mapping[TieRule, str] = {"release-2023": "release"}


def tie_rule(compat: Compat | None) -> TieRule:
    """The rule of a task that was run in this mode; the model's own mode has no part in it."""
    return "expected" if compat is None else "release-2023"


def by_rule(credited: Sample | Credits, ties: TieRule) -> NDArray[np.float64]:
    """The values of a sample, or of credits, under a tie rule."""
    values: NDArray[np.float64] = getattr(credited, _FIELDS.get(ties, ties))
    return values


@dataclass(frozen=True)
class Sample:
    """Per-item values of one metric; its value is the mean over parts of the mean over items.

    Arrays have shape (n,) but for the names of clusters and the weights of parts. A plain accuracy
    has one part, a macro average one per class, a merged score (see `merge`) those of its metrics.
    """

    ids: tuple[str, ...]
    expected: NDArray[np.float64]
    strict: NDArray[np.float64]
    lenient: NDArray[np.float64]
    tied: NDArray[np.bool_]
    chance: NDArray[np.float64]
    cluster: NDArray[np.int64]
    part: NDArray[np.int64]
    release: NDArray[np.float64]
    cluster_names: tuple[str, ...] = ()  # (n_clusters,)
    part_weight: NDArray[np.float64] | None = None  # (n_parts,), sums to 1; None: all equal

    def values(self, ties: TieRule = "expected") -> NDArray[np.float64]:
        """Per-item values under a tie rule."""
        return by_rule(self, ties)

    def mean(self, values: NDArray[np.float64]) -> float:
        """Mean over parts of the means of `values` (n,) within each part."""
        if not self.part.any():
            return float(values.mean())
        means = np.bincount(self.part, values) / np.bincount(self.part)
        return float(np.average(means, weights=self.part_weight))

    def item_weight(self) -> NDArray[np.float64]:
        """Weights (n,) that sum to 1, by which the value is a weighted mean over items."""
        count = np.bincount(self.part)
        parts = (
            np.full(len(count), 1 / len(count)) if self.part_weight is None else self.part_weight
        )
        weight: NDArray[np.float64] = (parts / count)[self.part]
        return weight


@dataclass(frozen=True)
class Recall:
    """R@k (k = 1: accuracy) in text or image retrieval over the items of some sub-tasks."""

    name: str
    subtasks: tuple[str, ...]
    k: int = 1
    unit: ClassVar[Unit] = SHARE
    by: Literal["micro", "subtask", "tag"] = "micro"  # what the parts of a macro average are
    exclude_tags: frozenset[str] = frozenset()
    flipped: bool = False  # two candidates, the other one taken as right (disputed labels)
    smallest_part: int = 1  # parts with fewer items are left out of a macro average

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""
        if label.subtask not in self.subtasks or self.exclude_tags.intersection(label.tags):
            return None
        if self.by == "tag":
            return "/".join(tag for tag in label.tags if not tag.startswith(LEVEL))
        return "" if self.by == "micro" else label.subtask

    def credits(self, query: Query, gold: NDArray[np.int64], matrices: Matrix) -> Credits:
        """Credits (..., n_items) of matrices (..., n_items, n_images, n_texts), one gold each."""
        lines = matrices[..., 0, :] if query is Query.TEXT_RETRIEVAL else matrices[..., :, 0]
        right = 1 - gold[:, 0] if self.flipped else gold[:, 0]
        return recall_credits(lines, right, self.k)

    def credit(self, label: Label, matrix: Matrix) -> Credit:
        """Credit of one item."""
        return self.credits(label.query, np.array([label.gold]), np.asarray(matrix)[None]).one()

    def chance(self, label: Label) -> float:
        """Expected credit of a constant model."""
        return min(1.0, self.k / max(label.n_images, label.n_texts))


@dataclass(frozen=True)
class AllAbove:
    """Text retrieval with k true texts, which come first: all of them above all others."""

    name: str
    subtasks: tuple[str, ...]
    k: int = 2
    unit: ClassVar[Unit] = SHARE
    by: Literal["micro", "subtask"] = "micro"  # what the parts of a macro average are
    smallest_part: ClassVar[int] = 1

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""
        if label.subtask not in self.subtasks:
            return None
        return "" if self.by == "micro" else label.subtask

    def credits(self, query: Query, gold: NDArray[np.int64], matrices: Matrix) -> Credits:  # noqa: ARG002 # same call for all measures
        """Credits (..., n_items) of matrices (..., n_items, 1, n_texts)."""
        return all_above_credits(matrices[..., 0, :], self.k)

    def chance(self, label: Label) -> float:
        """Expected credit of a constant model."""
        return 1 / comb(label.n_texts, self.k)


@dataclass(frozen=True)
class PairMatching:
    """Winoground's text, image or group score, over all items or those with a tag."""

    name: str
    part: Literal["text", "image", "group"]
    tag: str | None = None
    unit: ClassVar[Unit] = SHARE
    smallest_part: ClassVar[int] = 1  # it has one part, never left out

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""
        wanted = self.tag is None or self.tag in label.tags
        return "" if wanted and label.query is Query.MATCHING else None

    def credits(self, query: Query, gold: NDArray[np.int64], matrices: Matrix) -> Credits:  # noqa: ARG002 # same call for all measures
        """Credits (..., n_items) of matrices (..., n_items, 2, 2), gold on the diagonal."""
        return matching_credits(matrices)[("text", "image", "group").index(self.part)]

    def credit(self, label: Label, matrix: Matrix) -> Credit:
        """Credit of one item."""
        return self.credits(label.query, np.array([label.gold]), np.asarray(matrix)[None]).one()

    def chance(self, label: Label) -> float:  # noqa: ARG002 # same call for all measures
        """Expected credit of a constant model."""
        return 1 / 6 if self.part == "group" else 1 / 4


@dataclass(frozen=True)
class EffectSize:
    """Association effect size of two groups of images (see `gdbench.metrics.association`)."""

    name: str
    first: str
    second: str
    topic: str = ""  # religion, nationality, orientation, …: averaged over and shown together
    unit: ClassVar[Unit] = EFFECT


class Measure(Protocol):
    """What is a mean over items; a plug-in may bring one of its own, with a unit of its own.

    Part and chance level of an item do not depend on its id and cluster: labels that differ in
    nothing else are asked about once, with both empty.
    """

    @property
    def name(self) -> str:
        """Unique within the task."""

    @property
    def unit(self) -> Unit:
        """How its values are printed."""

    @property
    def smallest_part(self) -> int:
        """Parts with fewer items are left out."""

    def part_of(self, label: Label) -> str | None:
        """The part that the item belongs to; None: not in this measure."""

    def credits(self, query: Query, gold: NDArray[np.int64], matrices: Matrix) -> Credits:
        """Values (..., n_items) of matrices (..., n_items, n_images, n_texts)."""

    def chance(self, label: Label) -> float:
        """Expected value of a constant model."""


AnyMeasure = Measure | EffectSize
MEAN_ABS = "mean_abs_"
"""What the names of means of absolute effect sizes begin with: one over all, one for each topic."""
MEAN_ABS_EFFECT = f"{MEAN_ABS}effect"


def means(measures: Iterable[AnyMeasure]) -> list[Measure]:
    """Those of the measures that are means over items."""
    return [m for m in measures if not isinstance(m, EffectSize)]


def associations(measures: Iterable[AnyMeasure]) -> list[EffectSize]:
    """Those of the measures that compare two groups of pictures."""
    return [m for m in measures if isinstance(m, EffectSize)]


def unit_of(metric: MetricValue, measures: Iterable[AnyMeasure]) -> Unit:
    """The unit of a metric of a record, by the measures of its task.

    Where they do not know it (a task that is not installed here) it follows from the number: means
    of credits have bounds for their ties, and effect sizes have none.
    """
    known = {m.name: m.unit for m in measures}
    if metric.name in known:
        return known[metric.name]
    if metric.strict is None:
        return MAGNITUDE if metric.name.startswith(MEAN_ABS) else EFFECT
    low, high = SHARE.bounds or (0.0, 1.0)
    return SHARE if low <= metric.value <= high else Unit("")


@dataclass(frozen=True)
class Stack:
    """Items of one query and shape, so that their matrices make one array."""

    positions: NDArray[np.int64]  # (m,): indices into the labels
    query: Query
    gold: NDArray[np.int64]  # (m, n_gold)


def stacks(labels: Sequence[Label], chosen: Ints) -> Iterator[Stack]:
    """The chosen labels, grouped by query, shape and number of gold indices; some at a time."""
    table = Labels.of(labels)
    numbers: dict[tuple[Query, int, int, int], int] = {}
    of_kind = [
        numbers.setdefault((k.query, k.n_images, k.n_texts, len(k.gold)), len(numbers))
        for k in table.kinds
    ]
    form = np.array(of_kind, dtype=np.int64)[table.kind[chosen]]
    for (query, _, _, n_gold), number in numbers.items():
        pairs = zip(table.kinds, of_kind, strict=True)
        golds = [k.gold if n == number else (0,) * n_gold for k, n in pairs]
        gold = np.array(golds, dtype=np.int64).reshape(len(golds), n_gold)
        same = chosen[form == number]
        for start in range(0, len(same), _TOGETHER):
            positions = same[start : start + _TOGETHER]
            yield Stack(positions, query, gold[table.kind[positions]])


def members(measure: Measure, labels: Sequence[Label]) -> tuple[Ints, Ints]:
    """Indices of the labels that belong to `measure`, in order, and of each the number of its part.

    Parts are numbered in the order of their names.
    """
    table = Labels.of(labels)
    names = [measure.part_of(kind) for kind in table.kinds]
    parts = {name: k for k, name in enumerate(sorted({n for n in names if n is not None}))}
    of_kind = np.array([-1 if n is None else parts[n] for n in names], dtype=np.int64)
    part = of_kind[table.kind]
    chosen = np.flatnonzero(part >= 0)
    size = np.bincount(part[chosen])
    chosen = chosen[size[part[chosen]] >= measure.smallest_part]
    return chosen, renumbered(part[chosen])[1]


def sample(
    measure: Measure,
    labels: Sequence[Label],
    matrices: Sequence[Matrix],
    *,
    named: bool = True,
) -> Sample | None:
    """Per-item values of `measure`; None where no item belongs to it.

    `matrices[i]` has shape (n_images, n_texts) of `labels[i]`. Without `named` there are no ids and
    no names of clusters: enough for a value and its interval, and a third of the memory.
    """
    if len(labels) != len(matrices):
        raise ValueError(f"{len(labels)} labels, {len(matrices)} matrices")
    table = Labels.of(labels)
    chosen, part = members(measure, table)
    if not len(chosen):
        return None
    columns = np.empty((5, len(chosen)))
    for stack in stacks(table, chosen):
        matrix = stacked(matrices, stack.positions)
        places = np.searchsorted(chosen, stack.positions)
        columns[:, places] = measure.credits(stack.query, stack.gold, matrix)
    expected, strict, lenient, tied, release = columns
    kinds, kind = renumbered(table.kind[chosen])
    chance = np.array([measure.chance(table.kinds[k]) for k in kinds])
    names, cluster = table.clusters(chosen)
    return Sample(
        ids=table.ids(chosen) if named else (),
        expected=expected,
        strict=strict,
        lenient=lenient,
        tied=tied.astype(bool),
        chance=chance[kind],
        cluster=cluster,
        part=part,
        release=release,
        cluster_names=unpacked(names) if named else (),
    )


def merge(samples: Mapping[str, Sample]) -> Sample:
    """One sample whose value is the mean of the values of several, e.g. of a task's metrics.

    Ids become `name/id`. Clusters of the same name are one cluster, so items that two metrics
    share are still drawn together. Raises ValueError for an empty mapping.
    """
    if not samples:
        raise ValueError("nothing to merge")
    every = list(samples.values())
    names, cluster = coded(packed(s.cluster_names[c] for s in every for c in s.cluster.tolist()))
    parts: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float64]] = []
    for s in every:
        parts.append(s.part + sum(len(w) for w in weights))
        n = int(s.part.max()) + 1
        own = np.full(n, 1 / n) if s.part_weight is None else s.part_weight
        weights.append(own / len(every))

    def joined(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(s, field) for s in every])

    return Sample(
        ids=tuple(f"{name}/{i}" for name, s in samples.items() for i in s.ids),
        expected=joined("expected"),
        strict=joined("strict"),
        lenient=joined("lenient"),
        tied=joined("tied"),
        chance=joined("chance"),
        cluster=cluster,
        part=np.concatenate(parts),
        release=joined("release"),
        cluster_names=unpacked(names),
        part_weight=np.concatenate(weights),
    )
