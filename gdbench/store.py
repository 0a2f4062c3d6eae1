"""The score log of a task: appended while the run goes, compacted to one Parquet file at its end.

`RUN/<task>/parts/*.parquet` are written atomically, one after the other; a killed run loses at
most the part it was filling. `RUN/<task>/scores.parquet` holds the same rows in the order of the
task's items. A row is one (item, image, text).
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gdbench.errors import GdbenchError, InputError
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
SECONDS = b"wall_seconds"
DEVICE_SECONDS = b"device_seconds"
EVALUATIONS = b"evaluations"
MERGED = b"merged_parts"
SCORE_COLUMNS = ("item", "image", "text", "score", "truncated_texts")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is either there in full or not at all, even after a power cut.

    Raises GdbenchError with one line where the disk is full or the place not writable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise GdbenchError(
                f"no space left to write {path}; what was scored before is safe: "
                "free some space and start the same command again"
            ) from error
        raise GdbenchError(f"cannot write {path}: {error.strerror}") from error


def _known(errors: np.ndarray) -> np.ndarray:
    """The errors before the first NaN: what a sequential rule evaluated."""
    missing = np.isnan(errors)
    return errors[: int(np.argmax(missing))] if missing.any() else errors


def to_table(batch: Sequence[Scores]) -> pa.Table:
    """Rows of the log for some items."""
    rows: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    schema = SCHEMA
    for s in batch:
        matrix = narrowed(s.matrix)
        if matrix.dtype == np.float64:
            schema = WIDE_SCHEMA
        for i, j in np.ndindex(*matrix.shape):
            rows["item"].append(s.item_id)
            rows["image"].append(i)
            rows["text"].append(j)
            rows["score"].append(float(matrix[i, j]))
            rows["errors"].append(None if s.errors is None else _known(s.errors[i, j]))
            base = s.unconditional_errors
            rows["unconditional_errors"].append(None if base is None else _known(base[i]))
            rows["truncated_texts"].append(s.truncated_texts)
    return pa.table(rows, schema=schema)


def _padded(lists: Sequence[np.ndarray], length: int) -> np.ndarray:
    out = np.full((len(lists), length), np.nan, dtype=np.float32)
    for row, values in zip(out, lists, strict=True):
        row[: len(values)] = values
    return out


def from_table(table: pa.Table) -> Iterator[Scores]:
    """Items of a table whose rows of one item follow each other, in the order of the table.

    Raises InputError where an item's rows are not one full matrix.
    """
    names = table.column("item").to_pylist()
    image = table.column("image").to_numpy()
    text = table.column("text").to_numpy()
    score = table.column("score").to_numpy()
    truncated = table.column("truncated_texts").to_numpy()
    errors = table.column("errors") if "errors" in table.column_names else None
    base = table.column("unconditional_errors") if errors is not None else None
    start = 0
    while start < len(names):
        end = start
        while end < len(names) and names[end] == names[start]:
            end += 1
        shape = (int(image[start:end].max()) + 1, int(text[start:end].max()) + 1)
        grid = [(i, j) for i in range(shape[0]) for j in range(shape[1])]
        if list(zip(image[start:end], text[start:end], strict=True)) != grid:
            raise InputError(f"scores of item {names[start]!r} are not one full matrix of {shape}")
        e = b = None
        if errors is not None and errors[start].is_valid:
            lists = [np.asarray(v.values) for v in errors[start:end]]
            e = _padded(lists, max(map(len, lists))).reshape(*shape, -1)
        if base is not None and base[start].is_valid:
            lists = [np.asarray(v.values) for v in base[start : end : shape[1]]]
            b = _padded(lists, max(map(len, lists)))
        matrix = narrowed(score[start:end].reshape(shape))
        yield Scores(names[start], matrix, e, b, int(truncated[start]))
        start = end


def hash_scores(scores: Iterable[Scores]) -> str:
    """sha256 over ids, shapes, scores and errors, whatever the file's encoding or order."""
    digests = []
    for s in scores:
        digest = hashlib.sha256(s.item_id.encode() + b"\0")
        digest.update(struct.pack("<2I", *s.matrix.shape))
        matrix = narrowed(s.matrix)
        if matrix.dtype == np.float64:
            digest.update(b"float64")
        digest.update(np.ascontiguousarray(matrix, f"<f{matrix.itemsize}").tobytes())
        for errors in (s.errors, s.unconditional_errors):
            if errors is not None:
                for values in errors.reshape(-1, errors.shape[-1]):
                    digest.update(_known(values).astype("<f4").tobytes() + b"\0")
        digests.append(digest.digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


class Clocks(NamedTuple):
    """What a run has spent so far, None where it is not known."""

    device_seconds: float | None = None
    evaluations: int | None = None
    wall_seconds: float | None = None
    """Of all workers together; None: the log's own clock is right."""


class ScoreLog:
    """Append-only log of one task in a run directory.

    Scores are handed to the disk every `flush_seconds` or `flush_items`, whichever comes first.
    `clocks` says how long the model's networks have run so far and how many samples went through
    them. An item may be logged again with more timesteps: the longest counts.
    """

    def __init__(
        self,
        folder: Path,
        *,
        flush_seconds: float = 5.0,
        flush_items: int = 256,
        clocks: Callable[[], Clocks] = Clocks,
    ) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self.file = folder / "scores.parquet"
        self.flush_seconds = flush_seconds
        self.flush_items = flush_items
        self._buffer: list[Scores] = []
        self._last = time.monotonic()
        self._clocks = clocks
        self._spent_before = clocks()

    def lengths(self) -> dict[str, int]:
        """Items that are safely on disk: id -> number of timesteps (0: without errors)."""
        return {name: length for name, (length, _) in self._longest().items()}

    def done(self) -> set[str]:
        """Ids of the items that are safely on disk."""
        return set(self._longest())

    def append(self, scores: Scores) -> None:
        """Add one item. Raises GdbenchError where it cannot be written."""
        self._buffer.append(scores)
        late = time.monotonic() - self._last > self.flush_seconds
        if late or len(self._buffer) >= self.flush_items:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered as the next part, with what was spent since the part before."""
        if not self._buffer:
            return
        now, clocks = time.monotonic(), self._clocks()
        spent: dict[bytes, float] = {SECONDS: now - self._last}
        for key, value, before in zip(
            (DEVICE_SECONDS, EVALUATIONS, SECONDS), clocks, self._spent_before, strict=True
        ):
            if value is not None and before is not None:
                spent[key] = value - before
        self._last, self._spent_before = now, clocks
        existing = [int(p.stem) for p in self.parts.glob("*.parquet")]
        number = max([*existing, self._merged() - 1]) + 1
        self._write(self.parts / f"{number:06d}.parquet", to_table(self._buffer), spent)
        self._buffer = []

    def wall_seconds(self) -> float:
        """Time in which the rows on disk were made, over all starts of the run."""
        return sum(float(seconds or b"0") for seconds in self._spent(SECONDS))

    def device_seconds(self) -> float | None:
        """The part of it in which the model's networks ran; None where it was not measured."""
        spent = self._spent(DEVICE_SECONDS)
        return None if None in spent else sum(float(seconds) for seconds in spent if seconds)

    def evaluations(self) -> int | None:
        """Samples that went through the networks; None where they were not counted."""
        spent = self._spent(EVALUATIONS)
        return None if None in spent else round(sum(float(n) for n in spent if n))

    def _spent(self, key: bytes) -> list[bytes | None]:
        return [(pq.read_schema(path).metadata or {}).get(key) for path in self._files()]

    def read(self, *, errors: bool = True) -> Iterator[Scores]:
        """All items on disk, file by file; `errors=False` skips the per-timestep errors."""
        columns = None if errors else list(SCORE_COLUMNS)
        longest = self._longest()
        for path in self._files():
            for scores in from_table(pq.read_table(path, columns=columns)):
                if longest[scores.item_id][1] == path:
                    yield scores

    def compact(self, order: Sequence[str]) -> None:
        """Write `scores.parquet` with the items in this order and remove the parts."""
        self.flush()
        spent: dict[bytes, float] = {SECONDS: self.wall_seconds()}
        more = {DEVICE_SECONDS: self.device_seconds(), EVALUATIONS: self.evaluations()}
        spent |= {key: value for key, value in more.items() if value is not None}
        parts = sorted(self.parts.glob("*.parquet"))
        if parts:
            spent[MERGED] = int(parts[-1].stem) + 1
        elif self._merged():
            spent[MERGED] = self._merged()
        position = {name: i for i, name in enumerate(order)}
        longest = self._longest()
        tables = []
        for path in self._files():
            table = pq.read_table(path)
            mask = [longest[name][1] == path for name in table.column("item").to_pylist()]
            tables.append(table.filter(pa.array(mask)))
        whole = pa.concat_tables(tables, promote_options="permissive")
        rank = np.array([position[name] for name in whole.column("item").to_pylist()])
        self._write(self.file, whole.take(np.argsort(rank, kind="stable")), spent)
        for path in parts:
            path.unlink()
        if self.parts.is_dir():
            for stale in self.parts.glob(".*.tmp"):
                stale.unlink()
            self.parts.rmdir()

    def _merged(self) -> int:
        """Number of the first part that `scores.parquet` does not hold yet."""
        if not self.file.exists():
            return 0
        return int(float((pq.read_schema(self.file).metadata or {}).get(MERGED, b"0")))

    def _files(self) -> list[Path]:
        whole = [self.file] if self.file.exists() else []
        merged = self._merged()
        # lower numbers are left-overs of a run that was killed while it was compacting
        parts = [p for p in sorted(self.parts.glob("*.parquet")) if int(p.stem) >= merged]
        return whole + parts

    def _longest(self) -> dict[str, tuple[int, Path]]:
        """For each item the number of timesteps of its longest entry, and the file with it."""
        longest: dict[str, tuple[int, Path]] = {}
        for path in self._files():
            names = pq.read_schema(path).names
            table = pq.read_table(path, columns=[c for c in ("item", "errors") if c in names])
            lengths = [0] * table.num_rows
            if "errors" in table.column_names:
                lengths = pc.fill_null(pc.list_value_length(table.column("errors")), 0).to_pylist()
            own: dict[str, int] = {}
            for name, length in zip(table.column("item").to_pylist(), lengths, strict=True):
                own[name] = max(length, own.get(name, 0))
            for name, length in own.items():
                if name not in longest or length > longest[name][0]:
                    longest[name] = (length, path)
        return longest

    def _write(self, path: Path, table: pa.Table, spent: dict[bytes, float]) -> None:
        table = table.replace_schema_metadata({k: f"{value:.6f}" for k, value in spent.items()})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", row_group_size=65536)
        write_atomically(path, sink.getvalue().to_pybytes())
