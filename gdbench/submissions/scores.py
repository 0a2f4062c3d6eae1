"""Reading and writing the score file of a submission, without trust in its content."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gdbench.protocol import Label, Scores
from gdbench.readable import shown
from gdbench.store import SCHEMA, SCORE_COLUMNS, WIDE_SCHEMA, from_table, to_table
from gdbench.store.fragments import MOST_UNFOLDING, check_content
from gdbench.store.pages import UNREADABLE, Counted, count
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import MAX_SCORES_BYTES, read_bytes

MAX_ROWS = 5_000_000
MAX_DECODED_BYTES = 2_000_000_000
MAX_ID = 300
MAX_TIMESTEPS = 1000
_ERROR_BYTES = 4
_SMALL = 1_000_000
ERROR_COLUMNS = ("errors", "unconditional_errors")


@dataclass(frozen=True)
class ScoreFile:
    """A checked score file: one full, finite matrix for each of its items."""

    scores: tuple[Scores, ...]

    @property
    def with_errors(self) -> bool:
        """Whether every item has its per-timestep errors."""
        return bool(self.scores) and all(s.errors is not None for s in self.scores)


def encode(scores: Sequence[Scores], *, errors: bool) -> bytes:
    """The Parquet bytes of a score file; numbers are split by byte, which compresses them best."""
    table = to_table(scores)
    numbers = ["score"]
    if errors:
        numbers += [f"{name}.list.element" for name in ERROR_COLUMNS]
    else:
        table = table.select(list(SCORE_COLUMNS))
    sink = io.BytesIO()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=19,
        use_dictionary=["item", "image", "text", "truncated_texts"],
        column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        row_group_size=65536,
        write_page_checksum=True,
    )
    return sink.getvalue()


def open_scores(
    path: Path, most_rows: int = MAX_ROWS, most_bytes: int = MAX_SCORES_BYTES
) -> pq.ParquetFile:
    """The file's header, checked: size, kind, columns, types, rows. Raises `Rejected`."""
    data = read_bytes(path, most_bytes)
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        raise Rejected("scores", f"is not a Parquet file (it begins with {data[:4]!r})")
    try:
        file = pq.ParquetFile(
            pa.BufferReader(data),
            read_dictionary=["item"],  # a bomb of repeated ids stays small
            thrift_string_size_limit=1_000_000,
            thrift_container_size_limit=100_000,
            page_checksum_verification=True,
        )
        schema, meta = file.schema_arrow, file.metadata
        counted = count(data, meta)
    except UNREADABLE as error:
        raise Rejected("scores", f"cannot be read as Parquet: {shown(str(error), 100)}") from error
    names = tuple(schema.names)
    allowed = (SCORE_COLUMNS, (*SCORE_COLUMNS, *ERROR_COLUMNS))
    if sorted(names) not in [sorted(a) for a in allowed]:
        raise Rejected("scores", f"has the columns {shown(names, 120)}, expected {SCORE_COLUMNS}")
    for name in names:
        got, expected = schema.field(name).type, SCHEMA.field(name).type
        wide = WIDE_SCHEMA.field(name).type
        if pa.types.is_dictionary(got):
            got = got.value_type
        if got not in (expected, wide):
            raise Rejected("scores", f"column {name} is of type {got}, expected {expected}")
    if meta.num_rows > most_rows:
        raise Rejected("scores", f"has {meta.num_rows} rows, there are {most_rows} pairs at most")
    _check_counted(counted, most_rows, len(data))
    return file


def _check_counted(counted: Counted, most_rows: int, n_bytes: int) -> None:
    """What the pages would unfold to, whatever the footer says. Raises `Rejected`."""
    if counted.decoded_bytes > MAX_DECODED_BYTES:
        raise Rejected("scores", f"would take {counted.decoded_bytes} bytes of memory")
    lists = [counted.values.get(name, 0) for name in ERROR_COLUMNS]
    flat = max((n for name, n in counted.values.items() if name not in ERROR_COLUMNS), default=0)
    if flat > most_rows:
        raise Rejected("scores", f"has {flat} values in a column, there are {most_rows} pairs")
    if max(lists) > most_rows * MAX_TIMESTEPS:
        raise Rejected("scores", f"has {max(lists)} errors, more than {MAX_TIMESTEPS} for a pair")
    if sum(lists) * _ERROR_BYTES > MOST_UNFOLDING * n_bytes + _SMALL:
        raise Rejected(
            "scores", f"has {sum(lists)} errors in {n_bytes} bytes, which no errors take"
        )


def read_scores(
    path: Path,
    labels: Mapping[str, Label] | None = None,
    *,
    most_bytes: int = MAX_SCORES_BYTES,
) -> ScoreFile:
    """The scores of a file, every row checked. Raises `Rejected` at the first fault.

    With `labels` every item must be one of them and have its shape, and the items come in the
    order of the labels, whatever that of the file: resampling draws by position.
    """
    pairs = MAX_ROWS
    if labels is not None:
        pairs = min(pairs, sum(label.n_images * label.n_texts for label in labels.values()))
    file = open_scores(path, pairs, most_bytes)
    try:
        table = file.read(use_threads=False)
        table.validate(full=True)
        _check_ids(table.column("item"))
        table = table.set_column(
            table.schema.get_field_index("item"), "item", table.column("item").cast(pa.string())
        )
    except UNREADABLE as error:
        raise Rejected("scores", f"cannot be decoded: {shown(str(error), 100)}") from error
    damage = check_content(file, table)
    if damage:
        raise Rejected("scores", f"is damaged: {damage}")
    for name in SCORE_COLUMNS:
        if table.column(name).null_count:
            raise Rejected("scores", f"column {name} has empty cells")
    if not table.num_rows:
        raise Rejected("ids", "has no rows")
    _check_rows(table, labels)
    scores = list(from_table(table.combine_chunks()))
    if labels is not None:
        position = {name: i for i, name in enumerate(labels)}
        scores.sort(key=lambda s: position[s.item_id])
    return ScoreFile(tuple(scores))


def _check_ids(column: pa.ChunkedArray) -> None:
    """Length of the ids while they are still stored once each: a cast would repeat them."""
    for chunk in column.chunks:
        names = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        longest = pc.max(pc.binary_length(names)).as_py() or 0
        if longest > 4 * MAX_ID:  # UTF-8
            raise Rejected("ids", f"an id has {longest} bytes, at most {4 * MAX_ID} are read")


def _check_rows(table: pa.Table, labels: Mapping[str, Label] | None) -> None:
    ids = np.asarray(table.column("item").to_pylist(), dtype=object)
    image, text, cut = (table.column(c).to_numpy() for c in ("image", "text", "truncated_texts"))
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    ends = np.append(starts[1:], len(ids))
    seen: set[str] = set()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        name = ids[start]
        if len(name) > MAX_ID:
            raise Rejected("ids", f"an id has {len(name)} characters, at most {MAX_ID} are read")
        if name in seen:
            raise Rejected("ids", f"item {shown(name)} is there twice")
        seen.add(name)
        label = None if labels is None else labels.get(name)
        if labels is not None and label is None:
            raise Rejected("ids", f"item {shown(name)} is not in the task")
        shape = (label.n_images, label.n_texts) if label else _shape(image, text, start, end)
        if end - start != shape[0] * shape[1]:
            raise Rejected(
                "ids",
                f"item {shown(name)} has {end - start} scores, expected {shape[0]} x {shape[1]}",
            )
        rows = np.arange(end - start)
        if (image[start:end] != rows // shape[1]).any() or (
            text[start:end] != rows % shape[1]
        ).any():
            raise Rejected("ids", f"item {shown(name)}: images and texts are not 0, 1, … in order")
        if (cut[start:end] != cut[start]).any() or not 0 <= cut[start] <= shape[1]:
            raise Rejected(
                "scores", f"item {shown(name)}: truncated_texts is not one count of texts"
            )
    _check_finite(table, ids)


def _shape(
    image: NDArray[np.int32], text: NDArray[np.int32], start: int, end: int
) -> tuple[int, int]:
    return int(image[start:end].max()) + 1, int(text[start:end].max()) + 1


def _check_finite(table: pa.Table, ids: NDArray[np.object_]) -> None:
    score = table.column("score").to_numpy()
    bad = np.flatnonzero(~np.isfinite(score))
    if len(bad):
        raise Rejected("finite", f"item {shown(ids[bad[0]])}: a score is {score[bad[0]]}")
    for name in set(ERROR_COLUMNS).intersection(table.column_names):
        column = table.column(name).combine_chunks()
        there = column.is_valid().to_numpy(zero_copy_only=False)
        if name == "errors" and column.null_count not in (0, len(column)):
            raise Rejected("scores", f"column {name} is there for some pairs only")
        mixed = (ids[1:] == ids[:-1]) & (there[1:] != there[:-1])
        if mixed.any():  # unconditional errors are there for items that need them
            item = shown(ids[np.flatnonzero(mixed)[0]])
            raise Rejected("scores", f"item {item}: {name} are there for some pairs only")
        values = column.flatten()
        if values.null_count:
            raise Rejected("finite", f"column {name} has empty cells")
        numbers = values.to_numpy()
        if not np.isfinite(numbers).all() or (numbers < 0).any():
            raise Rejected("finite", f"column {name} has an error that is not finite and >= 0")
        lengths = np.diff(column.offsets.to_numpy())[there]
        if len(lengths) and (lengths.min() < 1 or lengths.max() > MAX_TIMESTEPS):
            raise Rejected("scores", f"column {name}: a list has not 1 to {MAX_TIMESTEPS} values")
