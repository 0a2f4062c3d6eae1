"""Per-item values of each model of a pool: what paired comparisons and ranks rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gdbench.leaderboard.judged.board import Row
from gdbench.metrics.measures import Sample, merge


@dataclass(frozen=True)
class Evidence:
    """Per-item values of one model: by task and metric, and merged."""

    metrics: Mapping[str, Mapping[str, Sample]]
    """By task, then by metric."""
    tasks: Mapping[str, Sample] = field(default_factory=dict)
    """Task scores: merged primary metrics."""
    total: Sample | None = None
    """GDBench score: merged tasks; None unless all ability tasks are there."""


def evidence_of(rows: Sequence[Row], ability: Sequence[str]) -> dict[str, Evidence]:
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
