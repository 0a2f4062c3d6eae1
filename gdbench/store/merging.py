"""Many files of a score log as one, in the order asked: a few megabytes at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gdbench.errors import GdbenchError
from gdbench.protocol import Scores
from gdbench.store.columns import Block, Ints
from gdbench.store.fragments import Group

_CHUNK_BYTES = 2_000_000  # of one row group that is written
_ROW_BYTES = 40  # of a row without its errors
Small = NDArray[np.int32]
_NONE = np.zeros(0, np.int32)
_KEPT = 4  # row groups that are kept in memory: those of an extended run stand in two files


@dataclass(frozen=True)
class Entries:
    """Every time an item stands in a log, file after file."""

    groups: Sequence[Group]
    names: pa.ChunkedArray
    lengths: Small
    group: Small
    """Number of the row group that it stands in."""
    place: Small
    """Which of the items of that row group it is."""

    @property
    def wide(self) -> bool:
        """Whether some of the scores need float64."""
        return any(group.wide for group in self.groups)

    def longest(self) -> NDArray[np.bool_]:
        """Which entries count: of each item the longest one, of equal ones the first."""
        codes = pc.dictionary_encode(self.names).combine_chunks()
        if isinstance(codes, pa.ChunkedArray):
            codes = pa.concat_arrays(codes.chunks) if codes.chunks else None
        item = np.zeros(0, np.int64) if codes is None else codes.indices.to_numpy()
        order = np.lexsort((-self.lengths, item))
        chosen = np.zeros(len(item), dtype=bool)
        if len(item):
            first = np.append(True, np.diff(item[order]) != 0)
            chosen[order[first]] = True
        return chosen


def entries_of(groups: Sequence[Group]) -> Entries:
    """The entries of some row groups."""
    sizes = [len(group.lengths) for group in groups]
    return Entries(
        groups,
        pa.chunked_array([group.ids for group in groups], pa.string()),
        np.concatenate([_NONE, *(group.lengths for group in groups)]),
        np.repeat(np.arange(len(groups), dtype=np.int32), sizes),
        np.concatenate([_NONE, *(np.arange(size, dtype=np.int32) for size in sizes)]),
    )


class _Reader:
    """Row groups, the last few of them kept."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._kept: OrderedDict[int, Block] = OrderedDict()

    def __call__(self, number: int) -> Block:
        if number not in self._kept:
            while len(self._kept) >= _KEPT:
                self._kept.popitem(last=False)
            self._kept[number] = self._groups[number].read()
        self._kept.move_to_end(number)
        return self._kept[number]


def merged_blocks(entries: Entries, position: Small) -> Iterator[Block]:
    """The items in the order of `position` (one for each entry), each once.

    Raises GdbenchError where two entries of an item contradict each other.
    """
    order = np.lexsort((-entries.lengths, position))
    size = _bytes(entries)[order].cumsum()
    read = _Reader(entries.groups)
    start = 0
    while start < len(order):
        before = size[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(size, before + _CHUNK_BYTES)))
        # all entries of an item are compared with each other
        while end < len(order) and position[order[end]] == position[order[end - 1]]:
            end += 1
        yield _merged(entries, position, order[start:end], read)
        start = end


def _bytes(entries: Entries) -> Ints:
    """About how large each entry is."""
    size = entries.lengths.astype(np.int64)
    size *= 4
    size += _ROW_BYTES
    size *= np.concatenate([_NONE, *(group.cells for group in entries.groups)])
    return size


def _merged(entries: Entries, position: Small, chosen: Ints, read: _Reader) -> Block:
    """The chosen entries, of each item the first."""
    groups = entries.group[chosen]
    blocks, taken = [], []
    for number in np.unique(groups):
        own = chosen[groups == number]
        blocks.append(read(int(number)).take(entries.place[own]))
        taken.append(own)
    block = _stacked(blocks)
    rank = _places(chosen, np.concatenate(taken))
    where = position[chosen]
    again = np.append(False, where[1:] == where[:-1])
    if again.any():
        _refuse_contradictions(entries, chosen, block, rank, again)
    return block.take(rank[~again])


def _places(wanted: Ints, there: Ints) -> Ints:
    """The index in `there` of each of `wanted`; both have the same distinct numbers."""
    order = np.argsort(there)
    found: Ints = order[np.searchsorted(there[order], wanted)]
    return found


def _stacked(blocks: Sequence[Block]) -> Block:
    """Several blocks as one; an item may stand in two that follow each other."""
    offsets = np.cumsum([0, *(block.table.num_rows for block in blocks)])
    starts = [b.starts[:-1] + o for b, o in zip(blocks, offsets[:-1], strict=True)]
    return Block(
        pa.concat_tables(
            [block.table for block in blocks], promote_options="permissive"
        ).combine_chunks(),
        np.concatenate([*starts, offsets[-1:]]),
        np.concatenate([block.shapes for block in blocks]),
    )


def _refuse_contradictions(
    entries: Entries, chosen: Ints, block: Block, rank: Ints, again: NDArray[np.bool_]
) -> None:
    first = 0
    for k in range(len(chosen)):
        if not again[k]:
            first = k
            continue
        pair = rank[[first, k]]
        longer, shorter = (next(block.take(pair[i : i + 1]).scores()) for i in (0, 1))
        if not continues(longer, shorter):
            paths = [entries.groups[entries.group[chosen[i]]].path for i in (first, k)]
            raise GdbenchError(
                f"item {longer.item_id} was scored twice and differently, in {paths[0]} and "
                f"{paths[1]}: remove the one that is wrong and start again"
            )


def continues(longer: Scores, shorter: Scores) -> bool:
    """Whether two entries of an item are equal, or the first goes on where the second ended."""
    if longer.matrix.shape != shorter.matrix.shape:
        return False
    if longer.errors is None or shorter.errors is None:
        return longer.errors is shorter.errors and np.array_equal(longer.matrix, shorter.matrix)
    steps = shorter.errors.shape[-1]
    same = longer.errors.shape[-1] == steps
    if same and not np.array_equal(longer.matrix, shorter.matrix):
        return False
    a, b = longer.unconditional_errors, shorter.unconditional_errors
    if (a is None) != (b is None):
        return False
    pairs = [(longer.errors, shorter.errors)]
    if a is not None and b is not None:
        pairs.append((a, b))
    return all(np.array_equal(x[..., : y.shape[-1]], y, equal_nan=True) for x, y in pairs)
