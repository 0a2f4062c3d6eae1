"""Putting folders into a tree of submissions so that each is there in full or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from gdbench.store.files import exchange, sync_folder, unwritable

_STAGING = ".gdbench-submit"
_OLD = "replaced"


@contextmanager
def staged(to: Path) -> Iterator[Path]:
    """A folder on the file system of `to`, gone at the end, whatever happens.

    What a `submit` that was killed left is cleared away first, and what it was about to replace
    put back. Raises GdbenchError where nothing can be written there.
    """
    base = to.absolute()
    while not base.is_dir():
        base = base.parent
    folder = base / f"{_STAGING}.{os.getpid()}"
    try:
        for stale in base.glob(f"{_STAGING}.*"):
            _clear(stale, to)
        (folder / "new").mkdir(parents=True)
        yield folder / "new"
    except OSError as error:
        raise unwritable(to, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear(stale: Path, to: Path) -> None:
    with suppress(ValueError):
        if psutil.pid_exists(int(stale.name.rpartition(".")[2])):
            return
    old = stale / _OLD
    for task in old.glob("*/*/*"):
        target = to / task.relative_to(old)
        if not target.exists():
            task.rename(target)
    shutil.rmtree(stale)


def put(staging: Path, to: Path, places: Sequence[Path]) -> None:
    """Move folders from `staging` to the same places below `to`, in place of what is there.

    Each is exchanged with the old one in a single step where the system can; else the old one is
    kept in the staging folder until the new one stands. Raises OSError; folders that were made for
    nothing are removed again.
    """
    made: list[Path] = []
    try:
        for place in places:
            for folder in reversed((to / place).parents):
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
        for place in places:
            _put_one(staging / place, to / place, staging.parent / _OLD / place)
    except OSError:
        for folder in reversed(made):
            with suppress(OSError):  # not empty: a task stands in it
                folder.rmdir()
        raise


def _put_one(new: Path, target: Path, old: Path) -> None:
    if not target.exists():
        new.rename(target)
    elif not exchange(new, target):
        old.parent.mkdir(parents=True)
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise
    sync_folder(target.parent)
