"""The tasks that the site shows: those of GDBench first, then whatever else was submitted."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.leaderboard.load import Entry
from gdbench.tasks import GDBENCH, TASKS, Task, of_record


def tasks_of(entries: Sequence[Entry]) -> tuple[Task, ...]:
    """GDBench's tasks in their order, then others that occur in records, by name."""
    infos = {
        e.record.task.name: e.record.task
        for e in sorted(entries, key=lambda e: e.record.task.version, reverse=True)
    }
    others = sorted(infos.keys() - set(GDBENCH))
    return (*(TASKS.get(name) for name in GDBENCH), *(of_record(infos[name]) for name in others))
