"""The tasks that the site shows: those of GDBench first, then whatever else was submitted."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.errors import UnknownNameError
from gdbench.leaderboard.load import Entry
from gdbench.tasks import GDBENCH, TASKS, Task


def tasks_of(entries: Sequence[Entry]) -> tuple[Task, ...]:
    """GDBench's tasks in their order, then others that occur in records, by name."""
    others = sorted({e.record.task.name for e in entries} - set(GDBENCH))
    return (*(TASKS.get(name) for name in GDBENCH), *(_find(name, entries) for name in others))


def _find(name: str, entries: Sequence[Entry]) -> Task:
    """A registered task, or for an unknown name one that shows what the records say."""
    try:
        return TASKS.get(name)
    except (UnknownNameError, ModuleNotFoundError):
        version = min(e.record.task.version for e in entries if e.record.task.name == name)
        return Task(
            name=name,
            version=version,
            title=name,
            description="A task that this version of gdbench does not know.",
            measures=(),
            primary=(),
            sources={},
            expected={},
            kind="extra",
        )
