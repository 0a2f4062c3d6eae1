"""Reads what is there of the published data and lists everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from gdbench.data.catalogue import CATALOGUE
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
from gdbench.errors import UnknownNameError
from gdbench.records import Compat

_COMPAT_PARTS: Mapping[str, str] = {"aro": "COMPAT_PARTS"}


def parts_of(task: str, compat: Compat | None = None) -> Sequence[Part]:
    """The parts of a task. Raises UnknownNameError for a task without published data."""
    if task not in CATALOGUE:
        raise UnknownNameError(f"no published data of task {task!r}; known: {', '.join(CATALOGUE)}")
    name = _COMPAT_PARTS.get(task, "PARTS") if compat is not None else "PARTS"
    parts: Sequence[Part] = getattr(import_module(f"gdbench.data.{task}"), name)
    return parts


def check(
    task: str,
    root: Path | None,
    compat: Compat | None = None,
    *,
    verify: Verify = "full",
    looked: Callable[[], None] | None = None,
) -> Found:
    """Everything found of one task, with all problems; by default every picture is decoded.

    `looked` is called after each picture.
    """
    return read(task, parts_of(task, compat), root, compat, verify=verify, looked=looked)


def layout_of(task: str, root: Path | None) -> str:
    """The layout a task is here in, without reading it: `gdbench-2023`, `hub`, both or `missing`.

    A task without published data (a plugin's) and a root that is not there count as missing.
    """
    where = default_root() if root is None else root
    if task not in CATALOGUE or not where.is_dir():
        return MISSING
    where, problems = data_root(where), Problems()
    source = Source(task, where, None, problems, Tree(where, problems))
    layouts = {part.layout(source) for part in parts_of(task)} - {MISSING}
    return "+".join(sorted(layouts)) or MISSING


def require(found: Found) -> None:
    """Note as a problem that a task is not there at all."""
    if found.layout == MISSING:
        folder = CATALOGUE[found.task].folders[0]
        found.problems.add(
            folder, "", f"no data of task {found.task} here; see `gdbench data status {found.task}`"
        )


__all__ = ["check", "data_root", "layout_of", "parts_of", "require"]
