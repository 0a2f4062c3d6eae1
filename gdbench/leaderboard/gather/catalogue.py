"""The tasks that the site shows: those of GDBench first, then whatever else was submitted."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.data.published import Source
from gdbench.leaderboard.gather.entries import Entry
from gdbench.tasks import GDBENCH, TASKS, Task, of_record


def tasks_of(entries: Sequence[Entry], sources: Sequence[Source] = ()) -> tuple[Task, ...]:
    """GDBench's tasks in their order, then others that occur in records or sources, by name."""
    records = {
        e.record.task.name: e.record
        for e in sorted(entries, key=lambda e: e.record.task.version, reverse=True)
    }
    cited = {f.task for s in sources for f in s.figures} - records.keys()
    known = {name for name, _ in TASKS.items()}
    others = {name: of_record(records[name]) for name in records.keys() - set(GDBENCH)}
    others |= {
        name: TASKS.get(name) if name in known else _named(name) for name in cited - set(GDBENCH)
    }
    return (*(TASKS.get(name) for name in GDBENCH), *(others[name] for name in sorted(others)))


def _named(name: str) -> Task:
    """A task of which only published numbers are known."""
    return Task(
        name,
        "",
        name,
        "Only published numbers are known of it.",
        measures=(),
        primary=(),
        sources={},
        kind="extra",
    )
