"""The items of suites that come with the package."""

from __future__ import annotations

from collections.abc import Mapping

from gdbench.protocol import Item
from gdbench.tasks.base import BUNDLED, Task

_ITEMS: dict[str, dict[str, Item]] = {}  # by the source's name: bundled items never change


def items_of(task: Task, suite: str) -> Mapping[str, Item] | None:
    """Items of a task by id where they come with the package, else None."""
    if suite not in BUNDLED or suite not in task.sources:
        return None
    source = task.sources[suite]
    name = source if isinstance(source, str) else f"{task.name}@{task.version}"
    if name not in _ITEMS:
        _ITEMS[name] = {item.id: item for item in task.items(suite)}
    return _ITEMS[name]
