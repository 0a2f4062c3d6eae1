"""Files that are there in full or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gdbench.errors import GdbenchError

TEMPORARY = ".*.tmp"
DAMAGED = ".damaged"
SEAL = ".sha256"
"""Suffix of the file with the checksum of the one beside it."""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last, where the file system knows how to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to; it takes the place of `path` when the block ends without an error.

    It lasts through a power cut: the file's content reaches the disk before its name does, and the
    name before this returns. Raises GdbenchError with one line where the disk is full or the place
    not writable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file with `writing`. Raises GdbenchError."""
    with writing(path) as file:
        file.write(data)


def seal(path: Path, data: bytes) -> bytes:
    """What stands in the file beside `path` that tells it whole; `sha256sum -c` reads it."""
    return f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode()


def seal_fault(path: Path, data: bytes) -> str | None:
    """What is wrong with the content of a file by its seal; None where it fits or there is none."""
    beside = path.with_suffix(SEAL)
    try:
        with beside.open("rb") as file:
            said = file.read(1000)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"has a checksum that cannot be read: {error.strerror}"
    if said == seal(path, data):
        return None
    return f"is not as it was written: it does not have the checksum in {beside.name}"


def unwritable(path: Path, error: OSError) -> GdbenchError:
    """Why a path cannot be written, as one line."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return GdbenchError(
            f"no space left to write {path}; what was scored before is safe: "
            "free some space and start the same command again"
        )
    return GdbenchError(f"cannot write {path}: {error.strerror or error}")


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind; only where nobody else writes."""
    for stale in folder.glob(TEMPORARY):
        stale.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that it is kept and no longer read; its new place."""
    kept = path.with_name(path.name + DAMAGED)
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}{DAMAGED}.{number}")
    try:
        path.rename(kept)
    except OSError as error:
        raise unwritable(path, error) from error
    sync_folder(path.parent)
    return kept


def exchange(one: Path, other: Path) -> bool:
    """Swap two paths of one file system in a single step; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    done: int = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return done == 0
