"""One file of a score log: Parquet with a checksum for each page and a digest over its content.

The digest stands in the file's own metadata and covers every cell and every note, so that no
flipped bit passes for a score, and a file can be told whole without the record that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gdbench.errors import GdbenchError, InputError
from gdbench.store.columns import SCHEMA, WIDE_SCHEMA, Block
from gdbench.store.digests import ContentHash
from gdbench.store.files import writing
from gdbench.store.pages import UNREADABLE, check_footer, of_group

DIGEST = b"content_sha256"
MOST_UNFOLDING = 50
"""Errors are noise: stored, they take nearly the room that they take in memory."""
_MOST_DECODED = 256_000_000  # of a row group, which holds a few megabytes
_ARROW = b"ARROW:schema"


class DamagedError(InputError):
    """A file of a score log is not as it was written."""


@dataclass(frozen=True)
class Group:
    """Where some items stand: one row group of a file. Items are never split."""

    path: Path
    number: int
    ids: pa.Array
    lengths: NDArray[np.int32]  # (n_items,): timesteps, 0 without errors
    cells: NDArray[np.int32]  # (n_items,): rows
    wide: bool  # scores in float64

    @classmethod
    def of(cls, path: Path, number: int, block: Block) -> Group:
        """What there is to know of a row group."""
        return cls(
            path,
            number,
            block.ids,
            block.lengths.astype(np.int32),
            np.diff(block.starts).astype(np.int32),
            block.wide,
        )

    def read(self, columns: Sequence[str] | None = None) -> Block:
        """Its items. Raises DamagedError."""
        return next(_blocks(self.path, columns, [self.number]))


@dataclass(frozen=True)
class Fragment:
    """A file that was found whole."""

    path: Path
    notes: Mapping[bytes, bytes]
    groups: tuple[Group, ...]


def write_fragment(
    path: Path, blocks: Iterable[Block], notes: Mapping[bytes, bytes], *, wide: bool = False
) -> Fragment:
    """Write items, a row group for each block; `wide`: scores in float64.

    Raises GdbenchError where there is no space.
    """
    schema = WIDE_SCHEMA if wide else SCHEMA
    digest = ContentHash(schema)
    groups = []
    with (
        writing(path) as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=["item", "image", "text", "truncated_texts"],
            write_page_checksum=True,
            write_statistics=False,
        ) as writer,
    ):
        for number, block in enumerate(blocks):
            table = block.table.cast(schema)
            digest.add(table)
            writer.write_table(table, row_group_size=max(1, table.num_rows))
            groups.append(Group.of(path, number, block))
        writer.add_key_value_metadata({**notes, DIGEST: digest.hexdigest(notes).encode()})
    return Fragment(path, notes, tuple(groups))


def open_fragment(path: Path, *, finished: bool = False) -> Fragment:
    """Read a file from end to end. Raises DamagedError where it is not what was written.

    A finished file of an earlier version may have no digest: its record has its hash.
    """
    try:
        check_sizes(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            notes, said = content_notes(file)
            wrong = _wrong_kind(file.schema_arrow, said, finished=finished)
            if wrong:
                raise DamagedError(f"{path} {wrong}")  # noqa: TRY301 # passed on below
            digest, groups = ContentHash(file.schema_arrow), []
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, use_threads=False)
                table.validate(full=True)
                digest.add(table)
                groups.append(Group.of(path, number, Block.of(table.combine_chunks())))
    except DamagedError:
        raise
    except (*UNREADABLE, GdbenchError) as error:
        raise DamagedError(f"{path} cannot be read: {first_line(error)}") from error
    if said not in (None, digest.hexdigest(notes)):
        raise DamagedError(f"{path} is damaged: its content does not have its digest")
    return Fragment(path, notes, tuple(groups))


def check_sizes(path: Path) -> None:
    """Raise DamagedError where a row group would take far more memory than its scores can.

    It is counted before anything is decoded: a file's own word on its size is not believed.
    """
    with (
        path.open("rb") as stream,
        mmap(stream.fileno(), 0, access=ACCESS_READ) as data,
        pq.ParquetFile(path, read_dictionary=["item"]) as file,
    ):
        meta = file.metadata
        check_footer(data, meta)
        for number in range(meta.num_row_groups):
            group = meta.row_group(number)
            stored = sum(group.column(c).total_compressed_size for c in range(meta.num_columns))
            most = max(_MOST_DECODED, MOST_UNFOLDING * stored)
            size = of_group(data, meta, number).decoded_bytes
            if size <= most and group.num_rows * stored > most:
                # names are stored once each and repeated in memory
                names = file.read_row_group(number, columns=["item"], use_threads=False)
                size = max(size, sum(map(_unfolded, names.columns)))
            if size > most:
                raise DamagedError(
                    f"{path} would take {size:,} bytes of memory for {stored:,} stored ones"
                )


def _unfolded(column: pa.ChunkedArray) -> int:
    """Bytes of a column of texts that may be stored once each, at most."""
    longest = 0
    for chunk in column.chunks:
        names = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        longest = max(longest, pc.max(pc.binary_length(names)).as_py() or 0)
    return longest * len(column)


def _wrong_kind(schema: pa.Schema, said: str | None, *, finished: bool) -> str:
    """Why a file cannot be one of a score log; empty where it can."""
    if said is None:
        return "" if finished else "has no digest of its content"
    return "" if schema in (SCHEMA, WIDE_SCHEMA) else "has other columns than a score log"


def content_notes(file: pq.ParquetFile) -> tuple[dict[bytes, bytes], str | None]:
    """What a file says beside its rows, and the digest that it says it has."""
    notes = dict(file.metadata.metadata or {})
    notes.pop(_ARROW, None)
    said = notes.pop(DIGEST, None)
    return notes, None if said is None else said.decode("ascii", "replace")


def check_content(file: pq.ParquetFile, table: pa.Table) -> str | None:
    """What is wrong with a table that was read from a file; None where the digest fits or is none.

    Files of submissions may have none: the hash in their record is there for them.
    """
    notes, said = content_notes(file)
    if said is None:
        return None
    digest = ContentHash(table.schema)
    digest.add(table)
    return None if digest.hexdigest(notes) == said else "its content does not have its digest"


def read_blocks(path: Path, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """The items of any score file, in the order of its rows; an item may go over row groups.

    Raises InputError where the file is damaged or an item's rows are not one full matrix.
    """
    return _blocks(path, columns, None)


def _blocks(
    path: Path, columns: Sequence[str] | None, numbers: Sequence[int] | None
) -> Iterator[Block]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            there = (
                None if columns is None else [c for c in columns if c in file.schema_arrow.names]
            )
            rest: pa.Table | None = None
            if numbers is None:
                # what was opened as a fragment has been checked
                check_sizes(path)
            for number in range(file.num_row_groups) if numbers is None else numbers:
                table = file.read_row_group(number, columns=there, use_threads=False)
                if rest is not None:
                    table = pa.concat_tables([rest, table])
                # the last item may go on in the next row group
                cut = table.num_rows if numbers is not None else _last_start(table)
                rest = table.slice(cut)
                if cut:
                    yield Block.of(table.slice(0, cut).combine_chunks())
            if rest is not None and rest.num_rows:
                yield Block.of(rest.combine_chunks())
    except UNREADABLE as error:
        raise DamagedError(f"{path} cannot be read: {first_line(error)}") from error


def _last_start(table: pa.Table) -> int:
    names = table.column("item")
    last = names[-1].as_py() if table.num_rows else None
    start: int = table.num_rows
    while start and names[start - 1].as_py() == last:
        start -= 1
    return start


def positions(ids: pa.ChunkedArray, order: Sequence[str] | pa.Array) -> NDArray[np.int32]:
    """Where each id stands in the order, -1 where it does not."""
    if not isinstance(order, pa.Array):
        order = pa.array(order, pa.string())
    if len(ids) == len(order) and ids.equals(pa.chunked_array([order])):
        # what one process wrote without a break: no table of all names is needed
        return np.arange(len(order), dtype=np.int32)
    values: NDArray[np.int32] = pc.fill_null(pc.index_in(ids, value_set=order), -1).to_numpy()
    return values


def first_line(error: BaseException) -> str:
    """The first line of an error's text, not too long."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
