"""Where submissions stand: `<model>/<revision>/<task>/{record.json, scores.parquet}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import InputError
from gdbench.readable import shown
from gdbench.records import ResultRecord
from gdbench.submissions.problems import Problem, Rejected
from gdbench.submissions.untrusted import MAX_RECORD_BYTES, parse_object, read_bytes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,95}\Z")
RECORD = "record.json"
SCORES = "scores.parquet"
RUN = "run.json"
INVALIDATED = "INVALIDATED.toml"
AUDITED = "AUDITED.toml"
_ROOT_FILES = {INVALIDATED, AUDITED, "README.md", ".gitkeep", ".gitattributes", ".gitignore"}
LINK = "is a link; links are not followed"
_NAMES = "letters, digits and ._+- only, 96 at most, a letter or digit first"
_LEVELS = 3  # model, revision, task
_PLAIN = ("full", "mini")  # suites whose results stand below the revision itself


@dataclass(frozen=True)
class Place:
    """A folder that holds a submission."""

    folder: Path
    model: str
    revision: str
    task: str

    @property
    def path(self) -> str:
        """`model/revision/task`."""
        return f"{self.model}/{self.revision}/{self.task}"


@dataclass(frozen=True)
class RunPlace(Place):
    """A finished task of a run directory, which is not named after its model."""

    @property
    def path(self) -> str:
        """`task`."""
        return self.task


def revision_folder(record: ResultRecord) -> str:
    """The folder of a revision's results on a suite: `1`, of other suites `1+mini2`.

    The same weights may so be submitted on several suites.
    """
    suite = record.task.suite
    revision = record.model.revision
    return revision if suite in _PLAIN else f"{revision}+{suite}"


def identity(record: ResultRecord) -> tuple[object, ...]:
    """What may occur only once: model, revision, suite, part of the suite, mode, task."""
    task, model = record.task, record.model
    mode = task.compat or ""
    cut = (task.limit or 0, task.item_seed) if record.partial else (0, 0)
    return (model.name, model.revision, task.suite, *cut, mode, task.name)


def row_of(record: ResultRecord) -> tuple[object, ...]:
    """What the results in one row of a board share: model, revision, suite, part of it, mode."""
    return identity(record)[:-1]


def unlike(record: ResultRecord, other: ResultRecord) -> list[str]:
    """What two results of one row must share and do not: fields of the settings, `content`."""
    names = [n for n, value in other.settings if value != getattr(record.settings, n)]
    return names if record.content == other.content else [*names, "content"]


def task_folders(folder: Path) -> list[Path]:
    """The folders with a record in a run directory or a revision's folder, sorted."""
    return sorted(path.parent for path in folder.glob(f"*/{RECORD}"))


def refuse_shard(run: Path) -> None:
    """Raise InputError where a run directory holds only a share of the items of its tasks."""
    path = run / RUN
    if not path.is_file():
        return
    try:
        shard = parse_object(read_bytes(path, MAX_RECORD_BYTES)).get("shard")
    except Rejected:
        return
    if shard is not None:
        raise InputError(
            f"{run} is shard {shown(str(shard))} of a run, not a finished one: join all shards "
            "with gdbench merge"
        )


def run_places(run: Path) -> list[RunPlace | Problem]:
    """The finished tasks of a run directory, a `Problem` for links; empty where it is no run.

    Raises InputError for a shard of a run.
    """
    if not (run / RUN).is_file():
        return []
    refuse_shard(run)
    return [
        Problem(_below(folder, run), "layout", LINK)
        if folder.is_symlink()
        else RunPlace(folder, "", "", folder.name)
        for folder in task_folders(run)
    ]


def level_of(folder: Path) -> int:
    """How deep a folder stands in the tree: 0 submissions, 1 model, 2 revision, 3 task.

    Found from what is in it: a task has a record or scores, a revision has tasks, and so on. Where
    they stand at several levels, that with most of them counts, so that a stray one does not make
    a task of what it lies in.
    """
    found = [
        sum(1 for name in (RECORD, SCORES) for _ in folder.glob("*/" * below + name))
        for below in range(_LEVELS, -1, -1)
    ]
    return found.index(max(found))


def walk(root: Path, level: int | None = None) -> Iterator[Place | Problem]:
    """Every submission below `root` (submissions, a model, a revision, or one task), sorted.

    A `Problem` for whatever does not belong: links, unknown files, names that are no names.

    Args:
        root: where to look.
        level: how deep it stands in the tree; None: `level_of`, which believes what is in it.
    """
    start = root.absolute()
    level = level_of(root) if level is None else level
    names = start.parts[len(start.parts) - level :] if level else ()
    for name in names:
        if not NAME.match(name):
            yield Problem(name, "layout", f"{shown(name)} cannot be the name of a folder here")
            return
    yield from _walk(root, tuple(names), root)


def _walk(folder: Path, names: tuple[str, ...], root: Path) -> Iterator[Place | Problem]:
    entries = sorted(folder.iterdir())
    if len(names) == _LEVELS:
        for entry in entries:
            if entry.is_symlink():
                yield Problem(_below(entry, root), "layout", LINK)
            elif entry.name not in (RECORD, SCORES):
                problem = f"does not belong here; a submission is {RECORD} and {SCORES}"
                yield Problem(_below(entry, root), "layout", problem)
        yield Place(folder, *names)
        return
    if names and not entries:
        yield Problem(_below(folder, root), "layout", "is empty")
    lower: dict[str, str] = {}
    for entry in entries:
        problem = _problem_of(entry, top=not names)
        if problem:
            yield Problem(_below(entry, root), "layout", problem)
        elif entry.is_dir():
            twin = lower.setdefault(entry.name.lower(), entry.name)
            if twin != entry.name:
                problem = f"differs from {twin} only in case"
                yield Problem(_below(entry, root), "duplicate", problem)
            yield from _walk(entry, (*names, entry.name), root)


def _problem_of(entry: Path, *, top: bool) -> str:
    """Why an entry between the root and a task may not be there; empty where it may."""
    if entry.is_symlink():
        return LINK
    if entry.name in (RECORD, SCORES):
        return f"stands above a task; its place is <model>/<revision>/<task>/{entry.name}"
    if entry.is_dir() and entry.name not in _ROOT_FILES:
        return "" if NAME.match(entry.name) else f"is not a name: {_NAMES}"
    if not (top and entry.name in _ROOT_FILES):
        return "does not belong here"
    return "" if entry.is_file() else "is not a regular file"


def _below(path: Path, root: Path) -> str:
    """Path below the root, printable."""
    return path.relative_to(root).as_posix().encode("unicode_escape").decode()
