"""Reads what is there of the published data and lists everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from gdbench.data.catalogue import Entry, entry_of
from gdbench.data.images import Verify
from gdbench.data.loading import (
    MISSING,
    Found,
    Part,
    Source,
    data_root,
    default_root,
    read,
)
from gdbench.data.problems import Problems
from gdbench.data.tree import Tree
from gdbench.records import Compat


def parts_of(task: str, compat: Compat | None = None, entry: Entry | None = None) -> Sequence[Part]:
    """The parts of a task. Raises UnknownNameError for a task without published data."""
    entry = entry_of(task, entry)
    module, _, name = ((compat and entry.compat_parts) or entry.parts).partition(":")
    parts: Sequence[Part] = getattr(import_module(module), name) if module else ()
    return parts


def check(
    task: str,
    root: Path | None,
    compat: Compat | None = None,
    entry: Entry | None = None,
    *,
    verify: Verify = "full",
    looked: Callable[[], None] | None = None,
) -> Found:
    """Everything found of one task, with all problems; by default every picture is decoded.

    Annotations are counted before pictures are there: a folder of pictures that is missing is one
    problem, and its items are among those found.
    `looked` is called after each picture. `entry`: of a plug-in.
    """
    parts = parts_of(task, compat, entry)
    return read(task, parts, root, compat, entry, verify=verify, looked=looked, count_absent=True)


def layout_of(task: str, root: Path | None, entry: Entry | None) -> str:
    """The layout a task is here in, without reading it: `gdbench-2023`, `hub`, both or `missing`.

    A task without published data (`entry` is None) and a root that is not there count as missing.
    """
    where = default_root() if root is None else root
    if entry is None or not where.is_dir():
        return MISSING
    where, problems = data_root(where, entry.folders), Problems()
    source = Source(task, where, None, problems, Tree(where, problems), entry)
    layouts = {part.layout(source) for part in parts_of(task, None, entry)} - {MISSING}
    return "+".join(sorted(layouts)) or MISSING


def require(found: Found, entry: Entry) -> None:
    """Note as a problem that a task is not there at all."""
    if found.layout == MISSING:
        folder = entry.folders[0] if entry.folders else found.task
        found.problems.add(
            folder, "", f"no data of task {found.task} here; see `gdbench data status {found.task}`"
        )


__all__ = ["check", "data_root", "layout_of", "parts_of", "require"]
