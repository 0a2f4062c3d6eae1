"""Per-item values of each model of a pool: what paired comparisons and ranks rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gdbench.leaderboard.judged.board import Row
from gdbench.metrics.measures import Sample, merge
from gdbench.protocol import Item
from gdbench.tasks.base import BUNDLED, Task


@dataclass(frozen=True)
class Evidence:
    """Per-item values of one model: by task and metric, and merged."""

    metrics: Mapping[str, Mapping[str, Sample]]
    """By task, then by metric."""
    tasks: Mapping[str, Sample] = field(default_factory=dict)
    """Task scores: merged primary metrics."""
    total: Sample | None = None
    """GDBench score: merged tasks; None unless all ability tasks are there."""


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


def gather(rows: Sequence[Row], ability: Sequence[str]) -> dict[str, Evidence]:
    """Evidence of each row that has any, by the row's name."""
    found = {}
    for row in rows:
        readings = {name: result.reading for name, result in row.results.items()}
        metrics = {n: r.samples for n, r in readings.items() if r.samples is not None}
        tasks = {n: r.score for n, r in readings.items() if r.score is not None}
        if metrics:
            whole = {name: tasks[name] for name in ability if name in tasks}
            total = merge(whole) if len(whole) == len(ability) else None
            found[row.name] = Evidence(metrics, tasks, total)
    return found
