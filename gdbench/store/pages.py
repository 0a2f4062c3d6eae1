"""How many values a Parquet file holds, counted from its pages before any of them is decoded.

The sizes in a file's footer are its writer's word: a file of two kilobytes may say that it is small
and decode to gigabytes, because runs of equal values take no room. What a reader makes of a page is
bounded by the page's own header, and these are read here (Apache Parquet format, PageHeader, in
Thrift's compact protocol).
"""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError)
"""What Arrow and this module raise for files that are damaged, or no Parquet files."""

_MAX_PAGES = 1_000_000
_MAX_DEPTH = 8
_UNCOMPRESSED, _COMPRESSED = 2, 3
_HEADERS = (5, 8)  # of data pages, first and second version; field 1 of each is num_values
_FIXED = {1: 0, 2: 0, 3: 1, 7: 8}  # bytes of booleans, bytes and doubles, which no count is
_VARINTS = (4, 5, 6)
_BINARY, _LIST, _SET, _STRUCT = 8, 9, 10, 12
_WIDTH = 8  # bytes of a value with its place in a list
_TAIL = 8  # bytes of the footer's length and of the mark behind it
# fields of the footer (FileMetaData, RowGroup, ColumnChunk, ColumnMetaData, SizeStatistics)
_ROW_GROUPS, _COLUMNS, _CHUNK, _SIZE_STATISTICS = 4, 1, 3, 16
_ENCRYPTION = 8  # of FileMetaData encryption_algorithm, of ColumnChunk crypto_metadata
_BYTES_OF_TEXTS, _HISTOGRAMS = 1, (2, 3)


class PageError(ValueError):
    """The pages are not what a Parquet file has."""


@dataclass(frozen=True)
class Counted:
    """What the pages of a file say."""

    values: dict[str, int]
    """By column, empty lists included."""
    decoded_bytes: int
    """At most so many bytes of memory for all columns: pages uncompressed, and their values."""


def check_footer(data: bytes | mmap, meta: pq.FileMetaData) -> None:
    """Raise PageError for a footer with which Arrow would end this process.

    A column that is encrypted, or whose histograms of levels have another length than its type has
    levels, is no exception there: it goes through code that cannot pass it on, in every version
    from 19 to 26.
    """
    end = len(data) - _TAIL
    start = end - int.from_bytes(data[end : end + 4], "little")
    if start < 0:
        raise PageError("the footer is longer than the file")
    footer, _ = _struct(data[start:end], 0, 0, keep=True)
    if _ENCRYPTION in footer:
        raise PageError("the file is encrypted")
    for group in _structs(footer.get(_ROW_GROUPS)):
        for number, column in enumerate(_structs(group.get(_COLUMNS))):
            if _ENCRYPTION in column:
                raise PageError("a column is encrypted")
            chunk = column.get(_CHUNK)
            told = chunk.get(_SIZE_STATISTICS) if isinstance(chunk, dict) else None
            if not isinstance(told, dict) or number >= meta.num_columns:
                continue
            kind = meta.schema.column(number)
            levels = (kind.max_repetition_level, kind.max_definition_level)
            for field, most in zip(_HISTOGRAMS, levels, strict=True):
                histogram = told.get(field)
                if isinstance(histogram, list) and len(histogram) not in (0, most + 1):
                    raise PageError("a column counts levels that its type does not have")
            if told.get(_BYTES_OF_TEXTS) is not None and kind.physical_type != "BYTE_ARRAY":
                raise PageError("a column counts bytes of texts and has none")


def _structs(value: Any) -> list[dict[int, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def count(data: bytes, meta: pq.FileMetaData) -> Counted:
    """Count the values of all pages of all columns. Raises PageError where they are damaged."""
    check_footer(data, meta)
    found: dict[str, int] = {}
    decoded = 0
    for column in range(meta.num_columns):
        values, name = 0, ""
        for group in range(meta.num_row_groups):
            if not meta.row_group(group).num_rows:
                continue  # nothing of it is read
            chunk = meta.row_group(group).column(column)
            name = chunk.path_in_schema.split(".")[0]
            n, size = _chunk(data, chunk)
            values += max(n, chunk.num_values)
            decoded += size
        found[name] = found.get(name, 0) + values
        decoded += values * _WIDTH
    return Counted(found, decoded)


def of_group(data: bytes | mmap, meta: pq.FileMetaData, group: int) -> Counted:
    """As `count`, of one row group alone. Raises PageError."""
    found: dict[str, int] = {}
    decoded = 0
    for column in range(meta.num_columns):
        chunk = meta.row_group(group).column(column)
        n, size = _chunk(data, chunk)
        values = max(n, chunk.num_values)
        name = chunk.path_in_schema.split(".")[0]
        found[name] = found.get(name, 0) + values
        decoded += size + values * _WIDTH
    return Counted(found, decoded)


def _chunk(data: bytes | mmap, chunk: Any) -> tuple[int, int]:
    """Values and uncompressed bytes of the pages of a column chunk."""
    starts = [chunk.data_page_offset]
    if chunk.dictionary_page_offset:
        starts.append(chunk.dictionary_page_offset)
    place = min(starts)
    end = place + chunk.total_compressed_size
    if not 0 <= place <= end <= len(data):
        raise PageError("a column lies outside of the file")
    values = size = pages = 0
    while place < end:
        header, place = _struct(data, place, 0)
        unfolded, stored = (_size(header.get(field)) for field in (_UNCOMPRESSED, _COMPRESSED))
        place += stored
        pages += 1
        if place > end or pages > _MAX_PAGES:
            raise PageError("a page is longer than its column")
        size += unfolded
        for field in _HEADERS:
            own = header.get(field)
            if isinstance(own, dict) and isinstance(own.get(1), int):
                values += max(0, own[1])
    return values, size


def _size(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise PageError("a page has no size")
    return value


def _byte(data: bytes | mmap, place: int) -> int:
    if place >= len(data):
        raise PageError("a page header is cut")
    return data[place]


def _varint(data: bytes | mmap, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = _byte(data, place)
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, place
        if shift > 63:  # noqa: PLR2004 # bits of the longest number
            raise PageError("a number is too long")


def _signed(data: bytes | mmap, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def _struct(
    data: bytes | mmap, place: int, depth: int, *, keep: bool = False
) -> tuple[dict[int, Any], int]:
    """The fields of a struct by their ids, and where it ends.

    With `keep` lists have their elements, and a field that comes twice is refused: readers differ
    in which of the two they take.
    """
    if depth > _MAX_DEPTH:
        raise PageError("a page header is nested too deep")
    found: dict[int, Any] = {}
    field = 0
    while kind := _byte(data, place):
        place += 1
        if kind >> 4:
            field += kind >> 4
        else:
            field, place = _signed(data, place)
        if keep and field in found:
            raise PageError("a footer has a field twice")
        found[field], place = _value(data, place, kind & 15, depth, keep=keep)
    return found, place + 1


def _value(
    data: bytes | mmap, place: int, kind: int, depth: int, *, keep: bool = False
) -> tuple[Any, int]:
    if kind in _VARINTS:
        return _signed(data, place)
    if kind in _FIXED:
        return None, place + _FIXED[kind]
    if kind == _BINARY:
        length, place = _varint(data, place)
        return None, place + length
    if kind in (_LIST, _SET):
        return _list(data, place, depth, keep=keep)
    if kind == _STRUCT:
        return _struct(data, place, depth + 1, keep=keep)
    raise PageError("a page header has a field of no known kind")


def _list(
    data: bytes | mmap, place: int, depth: int, *, keep: bool
) -> tuple[list[Any] | None, int]:
    """The elements of a list, None where they are not kept, and where it ends."""
    head = _byte(data, place)
    size, place = (head >> 4, place + 1) if head >> 4 < 15 else _varint(data, place + 1)  # noqa: PLR2004 # longer ones have their length beside
    found = []
    for _ in range(min(size, len(data))):
        value, place = _value(data, place, head & 15, depth + 1, keep=keep)
        if keep:
            found.append(value)
    return found if keep else None, place
