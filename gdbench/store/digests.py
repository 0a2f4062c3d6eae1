"""Two hashes: of the scores (what a record names), and of all that a file holds (is it whole?)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gdbench.precision import narrowed
from gdbench.protocol import Scores
from gdbench.set_hash import sorted_sha256
from gdbench.store.columns import Block, Lists, to_table

_BATCH = 4096  # items


class ScoresHash:
    """sha256 over ids, shapes, scores and errors, whatever the file's encoding or order."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, block: Block) -> None:
        """Some more items."""
        bounds, texts = block.starts.tolist(), block.shapes[:, 1].tolist()
        heads = [
            b"%b\0%b%b" % (name.encode(), shape, cells)
            for name, shape, cells in zip(
                block.ids.to_pylist(), _shapes(block), _cells(block, bounds), strict=True
            )
        ]
        for column, once_an_image in ((block.errors, False), (block.base, True)):
            if column is not None and column.valid.any():
                encoded = _Encoded(column, once_an_image)
                edges = zip(bounds[:-1], bounds[1:], texts, strict=True)
                heads = [
                    b"".join([head, *encoded.of(*edge)])
                    for head, edge in zip(heads, edges, strict=True)
                ]
        self._digests += b"".join([hashlib.sha256(head).digest() for head in heads])

    def hexdigest(self) -> str:
        """The hash of all items so far."""
        return sorted_sha256(self._digests)


def _shapes(block: Block) -> Iterator[bytes]:
    """Images and texts of each item as bytes."""
    shapes = block.shapes.astype("<u4").tobytes()
    return (shapes[k : k + 8] for k in range(0, len(shapes), 8))


def _cells(block: Block, bounds: Sequence[int]) -> Iterator[bytes]:
    """The scores of each item as bytes."""
    edges = pairwise(bounds)
    if block.wide:
        return (_wide(block.score[start:end]) for start, end in edges)
    score = block.score.astype("<f4").tobytes()
    return (score[4 * start : 4 * end] for start, end in edges)


def _wide(scores: NDArray[np.floating]) -> bytes:
    """The scores of one item of a file of float64."""
    matrix = narrowed(scores)
    if matrix.dtype == np.float64:
        return b"float64" + matrix.astype("<f8").tobytes()
    return matrix.astype("<f4").tobytes()


class _Encoded:
    """A column of lists as bytes, each list ended by a zero byte."""

    def __init__(self, column: Lists, once_an_image: bool) -> None:  # noqa: FBT001 # two columns, two ways
        self._bytes = memoryview(column.values.astype("<f4", copy=False).tobytes())
        self._bounds = (4 * column.offsets).tolist()
        self._valid = column.valid
        self._once_an_image = once_an_image

    def of(self, start: int, end: int, texts: int) -> list[bytes | memoryview]:
        """The parts of an item with these rows."""
        if not self._valid[start]:
            return []
        parts: list[bytes | memoryview] = []
        for row in range(start, end, texts if self._once_an_image else 1):
            parts += (self._bytes[self._bounds[row] : self._bounds[row + 1]], b"\0")
        return parts


def hash_scores(scores: Iterable[Scores]) -> str:
    """The `ScoresHash` of some items."""
    found = ScoresHash()
    batch: list[Scores] = []
    for item in scores:
        batch.append(item)
        if len(batch) == _BATCH:
            found.add(Block.of(to_table(batch)))
            batch = []
    if batch:
        found.add(Block.of(to_table(batch)))
    return found.hexdigest()


class ContentHash:
    """sha256 over every cell and note of a file, whatever its encoding or row groups."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = {
            field.name: [hashlib.sha256(_kind(field).encode()) for _ in range(3)]
            for field in schema
        }

    def add(self, table: pa.Table) -> None:
        """Some more rows."""
        for name, (valid, lengths, values) in self._columns.items():
            for chunk in table.column(name).chunks:
                valid.update(chunk.is_valid().to_numpy(zero_copy_only=False).tobytes())
                if pa.types.is_list(chunk.type):
                    column = Lists.of(pa.chunked_array([chunk]))
                    lengths.update(np.diff(column.offsets).astype("<i4").tobytes())
                    cells = column.values[column.offsets[0] : column.offsets[-1]]
                    values.update(np.ascontiguousarray(cells).data)
                elif pa.types.is_string(chunk.type):
                    sizes = pc.binary_length(chunk).to_numpy(zero_copy_only=False)
                    lengths.update(np.ascontiguousarray(sizes).data)
                    values.update(_text_bytes(chunk))
                else:
                    numbers = chunk.to_numpy(zero_copy_only=False)
                    values.update(np.ascontiguousarray(numbers).data)

    def hexdigest(self, notes: Mapping[bytes, bytes]) -> str:
        """The hash of all rows so far and of these notes."""
        whole = hashlib.sha256()
        for name in sorted(self._columns):
            for part in self._columns[name]:
                whole.update(part.digest())
        for key in sorted(notes):
            whole.update(hashlib.sha256(key).digest() + hashlib.sha256(notes[key]).digest())
        return whole.hexdigest()


def _kind(field: pa.Field) -> str:
    """Name and kind of a column; what the cells of a list are called differs between readers."""
    return f"{field.name}:{str(field.type).partition('<')[0]}"


def _text_bytes(chunk: pa.StringArray) -> memoryview:
    """The characters of all strings of a column, one after the other."""
    offsets = np.frombuffer(chunk.buffers()[1], dtype=np.int32)
    first, last = offsets[chunk.offset], offsets[chunk.offset + len(chunk)]
    data = chunk.buffers()[2]
    return memoryview(data if data is not None else b"")[int(first) : int(last)]
