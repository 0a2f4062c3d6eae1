"""Pictures inside of tar shards and Parquet files, read when they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from gdbench.data.images import decode
from gdbench.data.own.rows import Reader
from gdbench.errors import InputError

_GROUPS = 2  # row groups kept in memory: questions ask neighbours


@dataclass(frozen=True, slots=True)
class TarImage:
    """A picture at a place in an uncompressed tar file."""

    path: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """The encoded bytes. Raises InputError where the file is gone or shorter."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        if len(data) < self.size:
            raise InputError(f"{self.path}: {self.name} is cut short")
        return data

    @property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return _hash_of(self, _stamp(self.path))

    def open(self) -> Image.Image:
        """The picture, upright, RGB. Raises InputError where it is damaged."""
        return decode(self.read(), f"{self.path.name}: {self.name}")


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """A picture in a row of a Parquet file."""

    path: Path
    name: str
    column: str
    group: int
    row: int
    """Within its row group."""

    def read(self) -> bytes:
        """The encoded bytes. Raises InputError where they cannot be had."""
        column = _column(self.path, _stamp(self.path), self.group, self.column)
        value = column[self.row].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise InputError(f"{self.path}: {self.name} holds no picture")
        return data

    @property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return _hash_of(self, _stamp(self.path))

    def open(self) -> Image.Image:
        """The picture, upright, RGB. Raises InputError where it is damaged."""
        return decode(self.read(), f"{self.path.name}: {self.name}")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=65536)
def _hash_of(image: TarImage | ParquetImage, stamp: tuple[int, int]) -> str:  # noqa: ARG001 # part of the cache key
    return hashlib.sha256(image.read()).hexdigest()


@lru_cache(maxsize=_GROUPS)
def _column(path: Path, stamp: tuple[int, int], group: int, column: str) -> Any:  # noqa: ARG001 # as above
    import pyarrow.parquet as pq

    from gdbench.store.pages import UNREADABLE

    try:
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, columns=[column]).column(0)
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def look_at(
    reader: Reader, image: TarImage | ParquetImage, file: str, entry: str,
    whole: Callable[[bytes, bytes], bool],
) -> bool:  # fmt: skip
    """Whether a picture can be used, as far as `verify` asks; False after a problem."""
    if reader.verify == "none":
        return True
    if reader.looked is not None:
        reader.looked()
    try:
        data = image.read()
        if reader.verify == "full" or not whole(data[:16], data[-16:]):
            image.open()
    except InputError as error:
        words = str(error)
        for name in (f"{image.path.name}: {image.name}", f"{image.path}: {image.name}"):
            words = words.removeprefix(name).lstrip(": ")
        reader.problems.add(file, entry, words)
        return False
    return True
