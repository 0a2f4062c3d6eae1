"""Scores as columns: a row is one (item, image, text), the rows of an item follow each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gdbench.errors import InputError
from gdbench.precision import narrowed
from gdbench.protocol import Scores

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("image", pa.int32()),
        ("text", pa.int32()),
        ("score", pa.float32()),
        ("errors", pa.list_(pa.float32())),
        ("unconditional_errors", pa.list_(pa.float32())),
        ("truncated_texts", pa.int32()),
    ]
)
WIDE_SCHEMA = SCHEMA.set(SCHEMA.get_field_index("score"), pa.field("score", pa.float64()))
"""Of rows where float32 would lose the order of some item's scores (see `narrowed`)."""
SCORE_COLUMNS = ("item", "image", "text", "score", "truncated_texts")
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def _lists(blocks: Sequence[Floats | None], rows: Ints) -> pa.Array:
    """A column of lists from the rows (n, n_timesteps) of each item; None: no list in its rows.

    A list ends before the first NaN: what a sequential rule evaluated.
    """
    there = [block for block in blocks if block is not None]
    if not there:
        return pa.nulls(int(rows.sum()), pa.list_(pa.float32()))
    if len({block.shape[1] for block in there}) == 1:
        there = [np.concatenate(there)]
    values, lengths = [], []
    for block in there:
        missing = np.isnan(block)
        wide = block.shape[1]
        known = np.where(missing.any(axis=1), missing.argmax(axis=1), wide) if wide else 0
        lengths.append(np.broadcast_to(known, len(block)))
        values.append(block[np.arange(wide) < lengths[-1][:, None]])
    valid = np.repeat([block is not None for block in blocks], rows)
    counts = np.zeros(len(valid), dtype=np.int32)
    counts[valid] = np.concatenate(lengths)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    flat = np.concatenate(values).astype(np.float32, copy=False)
    return pa.ListArray.from_arrays(offsets, flat, mask=pa.array(~valid))


def to_table(batch: Sequence[Scores]) -> pa.Table:
    """Rows of the log for some items."""
    if not batch:
        return SCHEMA.empty_table()
    shapes = np.array([s.matrix.shape for s in batch], dtype=np.int64)
    cells = shapes[:, 0] * shapes[:, 1]
    owner = np.repeat(np.arange(len(batch)), cells)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(cells) - cells, cells)
    texts = shapes[owner, 1]
    errors = [None if s.errors is None else s.errors.reshape(-1, s.errors.shape[-1]) for s in batch]
    base = [
        None
        if s.unconditional_errors is None
        else np.repeat(s.unconditional_errors, s.matrix.shape[1], axis=0)
        for s in batch
    ]
    # one item that needs float64 makes it a column of float64
    score = np.concatenate([narrowed(s.matrix).reshape(-1) for s in batch])
    return pa.table(
        [
            pa.array([s.item_id for s in batch], pa.string()).take(pa.array(owner)),
            (within // texts).astype(np.int32),
            (within % texts).astype(np.int32),
            score,
            _lists(errors, cells),
            _lists(base, cells),
            np.repeat(np.array([s.truncated_texts for s in batch], dtype=np.int32), cells),
        ],
        schema=WIDE_SCHEMA if score.dtype == np.float64 else SCHEMA,
    )


def item_starts(table: pa.Table) -> Ints:
    """The first row of each item, and behind the last one the number of rows: (n_items + 1,)."""
    if not table.num_rows:
        return np.zeros(1, dtype=np.int64)
    names = table.column("item").combine_chunks()
    other = pc.not_equal(names.slice(1), names.slice(0, len(names) - 1))
    edges = np.flatnonzero(other.to_numpy(zero_copy_only=False)) + 1
    return np.concatenate([[0], edges, [len(names)]]).astype(np.int64)


@dataclass(frozen=True)
class Lists:
    """A column of lists without its wrapping: row k has `values[offsets[k] : offsets[k + 1]]`."""

    valid: NDArray[np.bool_]  # (n_rows,)
    offsets: Ints  # (n_rows + 1,)
    values: Floats

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Lists:
        """From a column of a table."""
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        return cls(
            array.is_valid().to_numpy(zero_copy_only=False),
            array.offsets.to_numpy().astype(np.int64),
            array.values.to_numpy(zero_copy_only=False),
        )

    def padded(self, rows: range) -> Floats:
        """Some rows as an array (n, longest), NaN behind the end of a shorter one."""
        bounds = self.offsets[rows.start : rows.stop + 1]
        lengths = np.diff(bounds)[:: rows.step]
        longest = int(lengths.max())
        if rows.step == 1 and (lengths == longest).all():
            return self.values[bounds[0] : bounds[-1]].reshape(len(rows), longest).copy()
        out = np.full((len(rows), longest), np.nan, dtype=np.float32)
        for line, row in zip(out, rows, strict=True):
            values = self.values[self.offsets[row] : self.offsets[row + 1]]
            line[: len(values)] = values
        return out


@dataclass(frozen=True)
class Block:
    """Some whole items as columns, in the order of their rows."""

    table: pa.Table
    starts: Ints  # (n_items + 1,): first row of each item
    shapes: Ints  # (n_items, 2): images, texts

    @classmethod
    def of(cls, table: pa.Table) -> Block:
        """From rows. Raises InputError where an item's rows are not one full matrix."""
        starts = item_starts(table)
        image, text = (table.column(c).to_numpy().astype(np.int64) for c in ("image", "text"))
        last = starts[1:] - 1
        shapes = np.stack([image[last], text[last]], axis=1) + 1
        rows = np.diff(starts)
        texts = np.maximum(np.repeat(shapes[:, 1], rows), 1)
        within = np.arange(len(image)) - np.repeat(starts[:-1], rows)
        fits = (image == within // texts) & (text == within % texts)
        whole = shapes[:, 0] * shapes[:, 1] == rows
        if not (fits.all() and whole.all()):
            wrong = np.append(starts[:-1][~whole], np.flatnonzero(~fits)).min()
            item = int(np.searchsorted(starts, wrong, side="right")) - 1
            begin, end = starts[item], starts[item + 1]
            shape = (int(image[begin:end].max()) + 1, int(text[begin:end].max()) + 1)
            name = table.column("item")[int(begin)].as_py()
            raise InputError(f"scores of item {name!r} are not one full matrix of {shape}")
        return cls(table, starts, shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    @cached_property
    def ids(self) -> pa.Array:
        """The id of each item."""
        names = self.table.column("item").combine_chunks()
        return names.take(pa.array(self.starts[:-1]))

    @property
    def wide(self) -> bool:
        """Whether some of the scores need float64."""
        return bool(self.table.schema.field("score").type == pa.float64())

    @cached_property
    def score(self) -> NDArray[np.floating]:
        """The scores of all rows, in the type of the column."""
        values: NDArray[np.floating] = self.table.column("score").to_numpy()
        return values

    @cached_property
    def truncated(self) -> Ints:
        """Texts of each item that were cut."""
        values: Ints = self.table.column("truncated_texts").to_numpy()[self.starts[:-1]]
        return values

    @cached_property
    def errors(self) -> Lists | None:
        """The errors at each timestep, where that column was read."""
        there = "errors" in self.table.column_names
        return Lists.of(self.table.column("errors")) if there else None

    @cached_property
    def base(self) -> Lists | None:
        """The unconditional errors of each row's image, where that column was read."""
        there = "unconditional_errors" in self.table.column_names
        return Lists.of(self.table.column("unconditional_errors")) if there else None

    @property
    def lengths(self) -> Ints:
        """Timesteps of each item: those of its longest row, 0 without errors."""
        if self.errors is None or not len(self):
            return np.zeros(len(self), dtype=np.int64)
        found: Ints = np.maximum.reduceat(np.diff(self.errors.offsets), self.starts[:-1])
        return found

    def scores(self) -> Iterator[Scores]:
        """The items one by one."""
        errors, base, score = self.errors, self.base, self.score
        bounds, cut = self.starts.tolist(), self.truncated.tolist()
        for k, (name, (images, texts)) in enumerate(
            zip(self.ids.to_pylist(), self.shapes.tolist(), strict=True)
        ):
            start, end = bounds[k], bounds[k + 1]
            e = b = None
            if errors is not None and errors.valid[start]:
                e = errors.padded(range(start, end)).reshape(images, texts, -1)
            if base is not None and base.valid[start]:
                b = base.padded(range(start, end, texts))
            matrix = narrowed(score[start:end].reshape(images, texts))
            yield Scores(name, matrix, e, b, cut[k])

    def take(self, items: Ints) -> Block:
        """Some of the items, in the order asked."""
        sizes = np.diff(self.starts)[items]
        ends = np.cumsum(sizes)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
            self.starts[:-1][items] - (ends - sizes), sizes
        )
        table = self.table.take(pa.array(rows))
        return Block(table, np.concatenate([[0], ends]).astype(np.int64), self.shapes[items])


def from_table(table: pa.Table) -> Iterator[Scores]:
    """Items of a table whose rows of one item follow each other, in the order of the table.

    Raises InputError where an item's rows are not one full matrix.
    """
    yield from Block.of(table.combine_chunks()).scores()
