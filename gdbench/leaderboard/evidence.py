"""What needs the score files: per-item values for paired comparisons, budgets, examples.

Records alone make the whole board; where the score files are there and the items of the suite can
be had without published data (the mini suite), ranks rest on paired tests instead of intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gdbench.errors import InputError
from gdbench.leaderboard.board import Result, Row
from gdbench.leaderboard.load import Entry
from gdbench.metrics.denoising import is_weighted, matrix_of
from gdbench.metrics.measures import Measure, Sample, means, merge, sample, tie_rule
from gdbench.protocol import Item, Label, Scores
from gdbench.store import SCORE_COLUMNS, from_table
from gdbench.tasks.base import Task

BUNDLED = "mini"


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
    if suite != BUNDLED or suite not in task.sources:
        return None
    source = task.sources[suite]
    if source not in _ITEMS:
        _ITEMS[source] = {item.id: item for item in task.items(suite)}
    return _ITEMS[source]


def read_scores(entry: Entry, *, errors: bool = False) -> list[Scores]:
    """The score file of a record. Raises InputError where it cannot be read."""
    if entry.scores is None:
        return []
    try:
        columns = None if errors else list(SCORE_COLUMNS)
        return list(from_table(pq.read_table(entry.scores, columns=columns)))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{entry.scores}: not a score file ({error})") from error


def labelled(result: Result, *, errors: bool = False) -> tuple[list[Label], list[Scores]] | None:
    """Labels and scores of a result in one order; None where either cannot be had."""
    if result.entry.scores is None:
        return None
    items = items_of(result.task, result.entry.record.task.suite)
    if items is None:
        return None
    scores = read_scores(result.entry, errors=errors)
    if len(scores) != result.entry.record.task.n_items or any(
        s.item_id not in items for s in scores
    ):
        return None  # another version of the suite: its labels would be wrong
    labels = [items[s.item_id].label for s in scores]
    fits = all(
        s.matrix.shape == (label.n_images, label.n_texts)
        for s, label in zip(scores, labels, strict=True)
    )
    return (labels, scores) if fits else None


def samples(
    task: Task, labels: Sequence[Label], matrices: Sequence[np.ndarray]
) -> dict[str, Sample]:
    """Per-item values of every measure of a task that is a mean over items."""
    found = {}
    for measure in means(task.measures):
        one = sample(measure, labels, matrices)
        if one is not None:
            found[measure.name] = one
    return found


def gather(rows: Sequence[Row], ability: Sequence[str]) -> dict[str, Evidence]:
    """Evidence of each row that has any, by the row's name."""
    found = {}
    for row in rows:
        metrics: dict[str, dict[str, Sample]] = {}
        tasks: dict[str, Sample] = {}
        for name, result in row.results.items():
            both = labelled(result)
            if both is None:
                continue
            labels, scores = both
            metrics[name] = samples(result.task, labels, [s.matrix for s in scores])
            primary = {m: s for m in result.task.primary if (s := metrics[name].get(m)) is not None}
            if primary and len(primary) == len(result.task.primary):
                tasks[name] = merge(primary)
        if metrics:
            whole = {name: tasks[name] for name in ability if name in tasks}
            total = merge(whole) if len(whole) == len(ability) else None
            found[row.name] = Evidence(metrics, tasks, total)
    return found


def primary_measures(task: Task) -> list[Measure]:
    """The measures behind a task's score."""
    return [m for m in means(task.measures) if m.name in task.primary]


def budgets(n: int) -> list[int]:
    """1, 2, 5, 10, … up to n, and n."""
    steps = [m * 10**p for p in range(6) for m in (1, 2, 5)]
    return [*(s for s in steps if s < n), n]


def budget_curve(result: Result) -> list[tuple[int, float]]:
    """The task's score for the first k timesteps of the log; empty where that says nothing.

    Only where timesteps were evaluated in nested order: the first k of a grid are its least noisy
    ones, not a smaller grid.
    """
    settings = result.entry.record.settings
    if settings.norm is None or settings.stop == "sequential" or is_weighted(settings):
        return []
    if settings.schedule != "nested":
        return []
    both = labelled(result, errors=True)
    if both is None or any(s.errors is None for s in both[1]):
        return []
    labels, scores = both
    measures = primary_measures(result.task)
    rule = tie_rule(result.entry.record.task.compat)
    curve = []
    for k in budgets(len(settings.timesteps or ())):
        matrices = [
            matrix_of(s.errors, s.unconditional_errors, settings, samples=k)
            for s in scores
            if s.errors is not None
        ]
        found = [s for m in measures if (s := sample(m, labels, matrices)) is not None]
        if len(found) < len(measures) or not found:
            return []
        curve.append((k, float(np.mean([s.mean(s.values(rule)) for s in found]))))
    return curve
