"""The registry of tasks: the eight of GDBench and the extra suites."""

from __future__ import annotations

from gdbench.data.catalogue import Entry
from gdbench.errors import GdbenchError, InputError
from gdbench.records import TaskInfo
from gdbench.registry import Registry
from gdbench.tasks.base import Task


def _fault(name: str, thing: object) -> str | None:
    if not isinstance(thing, Task):
        return f"expected a gdbench.tasks.Task, it is of type {type(thing).__name__}"
    return None if thing.name == name else f"its task is called {thing.name!r}"


TASKS: Registry[Task] = Registry("task", "gdbench.tasks", _fault)
ABILITY = ("flickr30k", "winoground", "aro", "imagecode", "svo", "clevr", "pets")
GDBENCH = (*ABILITY, "bias")
for _name in (*GDBENCH, "mmbias", "sugarcrepe", "cola", "colorswap", "genderbias", "selfbench"):
    TASKS.add(_name, f"gdbench.tasks.{_name}:TASK")


def select(names: str, suite: str) -> list[Task]:
    """Tasks from a comma-separated list; "all" stands for the eight of GDBench.

    Raises UnknownNameError for a name that is not registered, InputError for a task that does
    not have the suite.
    """
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    if not wanted:
        raise InputError("--tasks is empty; give names separated by commas, or all")
    chosen: dict[str, Task] = {}
    for name in wanted:
        for one in GDBENCH if name == "all" else (name,):
            chosen[one] = TASKS.get(one)
    for task in chosen.values():
        if suite not in task.sources:
            raise InputError(
                f"task {task.name} has no suite {suite!r}; "
                f"it has: {', '.join(sorted(task.sources))}"
            )
    return list(chosen.values())


def published() -> dict[str, Entry]:
    """What is published of every task: the built-in ones, then those of plug-ins."""
    return {name: t.published for name, t in TASKS.items() if t.published is not None}


def published_of(name: str) -> Entry:
    """What is published of a task.

    Raises UnknownNameError for a task that is not registered, InputError for one without
    published data, GdbenchError for a plug-in that is broken.
    """
    entry = TASKS.get(name).published
    if entry is None:
        raise InputError(f"task {name} has no published data; known: {', '.join(published())}")
    return entry


def of_record(info: TaskInfo) -> Task:
    """The task of a record; where it cannot be had here, one that knows what the record says."""
    try:
        return TASKS.get(info.name)
    except GdbenchError:
        return Task(
            name=info.name,
            version=info.version,
            title=info.name,
            description="A task that this version of gdbench does not know.",
            measures=(),
            primary=(),
            sources={},
            expected={},
            kind="extra",
        )


__all__ = [
    "ABILITY",
    "GDBENCH",
    "TASKS",
    "Task",
    "of_record",
    "published",
    "published_of",
    "select",
]
