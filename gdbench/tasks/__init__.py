"""The registry of tasks: the eight of GDBench and the extra suites."""

from __future__ import annotations

from gdbench.errors import InputError
from gdbench.registry import Registry
from gdbench.tasks.base import Task

TASKS: Registry[Task] = Registry("task", "gdbench.tasks")
ABILITY = ("flickr30k", "winoground", "aro", "imagecode", "svo", "clevr", "pets")
GDBENCH = (*ABILITY, "bias")
for _name in (*GDBENCH, "sugarcrepe", "cola", "genderbias", "selfbench"):
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


__all__ = ["ABILITY", "GDBENCH", "TASKS", "Task", "select"]
