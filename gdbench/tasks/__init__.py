"""The registry of tasks: the eight of GDBench and the extra suites."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from gdbench.data.catalogue import Entry
from gdbench.errors import GdbenchError, InputError
from gdbench.own_code import object_of
from gdbench.records import ResultRecord, TaskDefinition
from gdbench.registry import Registry
from gdbench.tasks.base import Task
from gdbench.tasks.definition import define, task_of, unknown_task


def _fault(name: str, thing: object) -> str | None:
    if not isinstance(thing, Task):
        return f"expected a gdbench.tasks.Task, it is of type {type(thing).__name__}"
    return None if thing.name == name else f"its task is called {thing.name!r}"


TASKS: Registry[Task] = Registry("task", "gdbench.tasks", _fault)
ABILITY = ("flickr30k", "winoground", "aro", "imagecode", "svo", "clevr", "pets")
GDBENCH = (*ABILITY, "bias")
BUILT_IN = (
    *GDBENCH,
    "mmbias",
    "sugarcrepe",
    "sugarcrepe_pp",
    "cola",
    "colorswap",
    "bivlc",
    "vismin",
    "whatsup",
    "naturalbench",
    "mmvp_vlm",
    "genderbias",
    "selfbench",
)
for _name in BUILT_IN:
    TASKS.add(_name, f"gdbench.tasks.{_name}:TASK")


def select(names: str, suite: str) -> list[Task]:
    """Tasks from a comma-separated list; "all" stands for the eight of GDBench.

    Also `file.py:TASK` and `package.module:TASK`. Raises UnknownNameError for a name that is not
    registered, InputError for a task that does not have the suite, or code that gives none.
    """
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    if not wanted:
        raise InputError("--tasks is empty; give names separated by commas, or all")
    chosen: dict[str, Task] = {}
    for target in wanted:
        for task in _of_target(target):
            if chosen.setdefault(task.name, task) is not task:
                raise InputError(f"--tasks {names}: two tasks are called {task.name!r}")
    require_suite(chosen.values(), suite)
    return list(chosen.values())


def _of_target(target: str) -> list[Task]:
    if ":" in target:
        return [task_from_code(target)]
    return [TASKS.get(name) for name in (GDBENCH if target == "all" else (target,))]


def require_suite(tasks: Iterable[Task], suite: str) -> None:
    """Raise InputError for the first task that does not have the suite."""
    for task in tasks:
        if suite not in task.sources:
            raise InputError(
                f"task {task.name} has no suite {suite!r}; "
                f"it has: {', '.join(sorted(task.sources))}"
            )


def own_names(tasks: Iterable[Task]) -> list[str]:
    """`name.version` of the tasks that are not registered here."""
    return [f"{task.name}.{task.version}" for task in tasks if task.name not in TASKS]


def task_from_code(target: str) -> Task:
    """The task that `file.py:TASK` or `package.module:TASK` names.

    Raises InputError with one line where there is no such code, it fails, or it gives no task.
    """
    place, _, attribute = target.rpartition(":")
    task = object_of(place, attribute, "--tasks")
    if not isinstance(task, Task):
        raise InputError(
            f"--tasks {target}: expected a gdbench.Task, it is of type {type(task).__name__}"
        )
    if task.name in TASKS and TASKS.get(task.name) is not task:
        raise InputError(f"--tasks {target}: there is a task {task.name!r} already; rename yours")
    return task


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


def definition_of(task: Task) -> TaskDefinition | None:
    """What a record has to say of a task; None where its name says it, as it comes with gdbench."""
    if task.name in BUILT_IN and TASKS.get(task.name) is task:
        return None
    return define(task)


def task_with_measures(record: ResultRecord) -> Task:
    """The task of a record, able to make its metrics again.

    Raises UnknownNameError where neither gdbench nor the record has it, GdbenchError for a plug-in
    that is broken.
    """
    info = record.task
    if info.name in TASKS or record.definition is None:
        return TASKS.get(info.name)
    return task_of(record.definition, info)


def of_record(record: ResultRecord) -> Task:
    """The task of a record; where it cannot be had here, one that knows what the record says."""
    info = record.task
    if info.name in BUILT_IN or (record.definition is None and info.name in TASKS):
        with suppress(GdbenchError):
            return TASKS.get(info.name)
    if record.definition is not None:
        return task_of(record.definition, info)
    return unknown_task(record)


__all__ = [
    "ABILITY",
    "BUILT_IN",
    "GDBENCH",
    "TASKS",
    "Task",
    "definition_of",
    "of_record",
    "own_names",
    "published",
    "published_of",
    "require_suite",
    "select",
    "task_from_code",
    "task_with_measures",
]
