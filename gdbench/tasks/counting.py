"""How many questions a task asks, and how many passes a diffusion model needs for them.

Counted from the items where they are at hand, else from what is published of the task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gdbench.errors import InputError
from gdbench.protocol import Item, Query
from gdbench.records import Compat
from gdbench.tasks import lite
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class Counted:
    """The size of one task, or of several together."""

    items: int = 0
    pairs: int = 0
    """Image-text pairs."""
    compared: int = 0
    """Different pictures whose error under the empty prompt is needed, at most."""

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.items + other.items, self.pairs + other.pairs, self.compared + other.compared
        )

    def passes(self, timesteps: int, *, normalise: bool = True) -> int:
        """Network passes on one sample: one for each pair, picture and timestep."""
        return timesteps * (self.pairs + (self.compared if normalise else 0))


def of_items(items: Iterable[Item]) -> Counted:
    """The size of these items; pictures are told apart by where they are, not by content."""
    n = pairs = 0
    compared: set[object] = set()
    for item in items:
        n += 1
        pictures = set(item.images)
        pairs += len(pictures) * len(set(item.texts))
        if item.query is not Query.TEXT_RETRIEVAL:
            compared |= pictures
    return Counted(n, pairs, len(compared))


def of_published(
    task: Task, suite: str = "full", compat: Compat | None = None, limit: int | None = None
) -> Counted:
    """The size of a task as published, without its data.

    Raises InputError where it is not known (a plug-in's task that does not say it).
    """
    entry = task.published
    counts = dict(task.expected.get(suite, {}))
    if compat is not None and suite == "full" and task.compat_expected is not None:
        counts = dict(task.compat_expected)
    if entry is not None and not counts:
        counts = dict(entry.usual)
        if suite == lite.LITE:
            most = {name: lite.cap(shape.query) for name, shape in entry.shapes.items()}
            counts = {name: min(n, most.get(name, n)) for name, n in counts.items()}
    if entry is None or not counts or any(name not in entry.shapes for name in counts):
        raise InputError(
            f"task {task.name}, suite {suite}: how large it is as published is not known here; "
            "give --root with its data"
        )
    total = Counted()
    for name, published in counts.items():
        n = published if limit is None else min(limit, published)
        shape = entry.shapes[name]
        shown = shape.shown(n) if shape.normalised else 0
        total += Counted(n, n * shape.images * shape.texts, shown)
    return total
