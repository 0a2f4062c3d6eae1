"""The labels of many items as columns: what many items have in common is kept, and asked, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gdbench.protocol import Item, Label, Query

Ints = NDArray[np.int64]
_AT_A_TIME = 65_536


class Labels(Sequence[Label]):
    """A sequence of labels that takes some 50 bytes for each, and holds no object of an item.

    Attributes:
        kinds: labels without id and cluster, each once.
        kind: (n,), which of `kinds` each item is.
    """

    def __init__(self, labels: Sequence[Label | Item]) -> None:
        """Take labels, or items for their labels."""
        self._ids = packed(one.id for one in labels)
        clusters = packed(one.cluster or one.id for one in labels)
        self._clusters = self._ids if clusters.equals(self._ids) else clusters
        numbers: dict[tuple[Query, tuple[int, ...], int, int, str, tuple[str, ...]], int] = {}
        keys = ((i.query, i.gold, *_sizes(i), i.subtask, i.tags) for i in labels)
        self.kind = np.array([numbers.setdefault(k, len(numbers)) for k in keys], np.int64)
        self.kinds = [
            Label("", query, gold, n_images, n_texts, subtask, "", tags)
            for query, gold, n_images, n_texts, subtask, tags in numbers
        ]

    @classmethod
    def of(cls, labels: Sequence[Label]) -> Labels:
        """The labels as columns, where they are not yet."""
        return labels if isinstance(labels, Labels) else cls(labels)

    def __len__(self) -> int:
        return len(self.kind)

    @overload
    def __getitem__(self, index: int) -> Label: ...
    @overload
    def __getitem__(self, index: slice) -> list[Label]: ...
    def __getitem__(self, index: int | slice) -> Label | list[Label]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        name, cluster = (_text(c[place]) for c in (self._ids, self._clusters))
        kind: Label = self.kinds[self.kind[place]]
        return replace(kind, id=name, cluster=cluster)

    def ids(self, chosen: Ints) -> tuple[str, ...]:
        """The ids of some items."""
        return unpacked(self._ids.take(pa.array(chosen)))

    @cached_property
    def _coded_clusters(self) -> tuple[pa.Array, Ints]:
        return coded(self._clusters)

    def clusters(self, chosen: Ints) -> tuple[pa.Array, Ints]:
        """The clusters of some items: their distinct names in order, and the place of each."""
        names, cluster = self._coded_clusters
        if len(chosen) < len(self):
            there, cluster = renumbered(cluster[chosen])
            names = names.take(pa.array(there))
        return names, cluster


def packed(names: Iterable[str]) -> pa.Array:
    """Texts as one column, the names of files that are no UTF-8 among them."""
    encoded = (name.encode("utf-8", "surrogatepass") for name in names)
    pieces = [pa.array([], pa.binary())]
    while piece := list(islice(encoded, _AT_A_TIME)):
        pieces.append(pa.array(piece, pa.binary()))
    return pa.concat_arrays(pieces)


def unpacked(names: pa.Array) -> tuple[str, ...]:
    """The texts of a column."""
    return tuple([name.decode("utf-8", "surrogatepass") for name in names.to_pylist()])


def _text(name: pa.Scalar) -> str:
    text: str = name.as_py().decode("utf-8", "surrogatepass")
    return text


def coded(names: pa.Array) -> tuple[pa.Array, Ints]:
    """The distinct names of a column in order, and of each name its place among them."""
    order = pc.array_sort_indices(names)
    ordered = names.take(order)
    first = np.ones(len(names), dtype=bool)
    other = pc.not_equal(ordered.slice(1), ordered.slice(0, max(0, len(names) - 1)))
    first[1:] = other.to_numpy(zero_copy_only=False)
    codes = np.empty(len(names), dtype=np.int64)
    codes[order.to_numpy()] = np.cumsum(first) - 1
    return ordered.filter(pa.array(first)), codes


def renumbered(numbers: Ints) -> tuple[Ints, Ints]:
    """The distinct numbers in order, and of each number its place among them; all 0 or more.

    As `np.unique` does it, without sorting.
    """
    there = np.bincount(numbers) > 0
    place = np.cumsum(there) - 1
    return np.flatnonzero(there), place[numbers]


def _sizes(one: Label | Item) -> tuple[int, int]:
    if isinstance(one, Item):
        return len(one.images), len(one.texts)
    return one.n_images, one.n_texts
