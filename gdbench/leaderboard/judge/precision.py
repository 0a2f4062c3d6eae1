"""What a wanted precision takes: how many items for an interval, how many samples for the noise."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.leaderboard.judged.board import Precision, Result, Row
from gdbench.metrics.power import items_for, samples_for
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task

INTERVALS = (0.05, 0.02, 0.01)
"""Half widths of intervals, as shares."""
NOISE = 0.01
"""Standard error of the noise, as a share."""
MOST = 60
"""Models of a task."""


def precision(task: Task, rows: Sequence[Row]) -> tuple[Precision, ...]:
    """The models whose score has an interval, in their order; empty for bias."""
    if task.score_unit != SHARE or not task.primary:
        return ()
    found = [_precision(row.name, row.results[task.name]) for row in rows[:MOST]]
    return tuple(p for p in found if p is not None)


def _precision(name: str, result: Result) -> Precision | None:
    half = None if result.estimate is None else result.estimate.half_width
    if not half:
        return None
    record = result.entry.record
    n, samples = record.task.n_items, record.settings.samples
    noisy = [
        m
        for m in result.metrics
        if m.name in result.task.primary and m.noise_se is not None and samples is not None
    ]
    worst = max(noisy, key=lambda m: m.noise_se or 0.0, default=None)
    needed: int | None = None
    if worst is not None and worst.noise_se is not None and samples is not None:
        needed = samples_for(samples, worst.samples_to_halve_noise, worst.noise_se, NOISE)
    return Precision(
        row=name,
        n=n,
        half_width=half,
        items=tuple((wanted, items_for(n, half, wanted)) for wanted in INTERVALS),
        samples=None if worst is None else samples,
        noise=None if worst is None else worst.noise_se,
        samples_for_noise=needed,
    )
