"""What a proposed tree of submissions changes of the one that is there: it may only add."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import InputError
from gdbench.submissions.problems import Problem
from gdbench.submissions.untrusted import below

_CHUNK = 1 << 20
_REVISION_LEVEL = 2


@dataclass(frozen=True)
class Touched:
    """One path that is other than it was."""

    path: str
    change: str
    """deleted, replaced, emptied or added."""
    allowed: bool
    """Whether anybody may do this: new folders alone."""

    def as_problem(self) -> Problem:
        """For a report."""
        return Problem(self.path, "append-only", f"was {self.change}; only maintainers may do this")


def touched(folder: Path, base: Path) -> list[Touched]:
    """Every path that differs, sorted.

    Args:
        folder: what is proposed: a whole tree of submissions. What is in it says nothing of where
            it stands: a tree that looks like a revision's folder has lost everything else.
        base: the tree that is there, such as that of the target branch.

    Raises:
        InputError: `base` is no folder.
    """
    if not base.is_dir():
        raise InputError(f"--against {base}: no such folder; give a folder of submissions")
    old, new = _files(base), _files(folder)
    found = [
        Touched(
            path, "deleted" if path not in new else _change(old[path], new[path]), allowed=False
        )
        for path in old
        if path not in new or not _same(old[path], new[path])
    ]
    landed = {"/".join(path.split("/")[:_REVISION_LEVEL]) for path in old if "/" in path}
    found += [
        Touched(path, "added", allowed=_may_be_added(path, landed)) for path in new.keys() - old
    ]
    return sorted(found, key=lambda t: t.path)


def _may_be_added(path: str, landed: set[str]) -> bool:
    """Whether anybody may add a file: in a revision that is new, and never at the root.

    There are the logs, and files by which git changes or leaves out what others have landed.
    """
    if "/" not in path:
        return False
    return "/".join(path.split("/")[:_REVISION_LEVEL]) not in landed


def _files(folder: Path) -> dict[str, Path]:
    """Files, links and the like below a folder, by printable path; links are not followed."""
    if not folder.is_dir() or folder.is_symlink():
        return {}
    return {
        path.relative_to(folder).as_posix().encode("unicode_escape").decode(): path
        for path in below(folder)
    }


def _change(old: Path, new: Path) -> str:
    plain = stat.S_ISREG(new.lstat().st_mode)
    return "emptied" if plain and not new.lstat().st_size and old.lstat().st_size else "replaced"


def _same(old: Path, new: Path) -> bool:
    """Whether two files are regular and have the same bytes; links are neither."""
    before, now = old.lstat(), new.lstat()
    if not (stat.S_ISREG(before.st_mode) and stat.S_ISREG(now.st_mode)):
        return (
            stat.S_ISLNK(before.st_mode)
            and stat.S_ISLNK(now.st_mode)
            and (old.readlink() == new.readlink())
        )
    if before.st_size != now.st_size:
        return False
    with old.open("rb") as a, new.open("rb") as b:
        while chunk := a.read(_CHUNK):
            if chunk != b.read(_CHUNK):
                return False
    return True
