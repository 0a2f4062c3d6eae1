"""What a report says of a run: plain values, made from the one reader's readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import load
from gdbench.leaderboard.judge.assemble import build_board
from gdbench.leaderboard.judge.evidence import items_of
from gdbench.leaderboard.judge.reading import read
from gdbench.leaderboard.judged.board import Result, Row
from gdbench.leaderboard.judged.reading import Curve
from gdbench.metrics.estimate import Estimate
from gdbench.protocol import Item, Matrix, Query
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource
from gdbench.tasks.base import Task

SHOWN = 3
"""Items of a task among the hardest, and among the closest."""
_MOST_CONFUSIONS = 12


@dataclass(frozen=True)
class Judged:
    """One item: how far the right candidate was ahead."""

    item: Item
    matrix: Matrix
    margin: float
    """Score of the right candidate less the best wrong one, in standard deviations of the task's
    scores within items; below 0 the item is wrong."""
    taken: int
    """Candidate with the highest score: an image of image retrieval, else a text."""
    curve: Curve | None


@dataclass(frozen=True)
class Confusion:
    """A text that was taken for another one."""

    right: str
    taken: str
    times: int


@dataclass(frozen=True)
class TaskReport:
    """One task of the run."""

    result: Result
    n_wrong: int | None
    """None where items have no one right answer, or are not at hand."""
    hardest: tuple[Judged, ...]
    closest: tuple[Judged, ...]
    confusions: tuple[Confusion, ...]

    @property
    def task(self) -> Task:
        """The task."""
        return self.result.task


@dataclass(frozen=True)
class RunReport:
    """The run: for each part of a suite that it answered, its row and its tasks."""

    parts: tuple[tuple[Row, tuple[TaskReport, ...]], ...]


def judge(run: Path, source: ManifestSource | None = None) -> RunReport:
    """Read a run and judge it. Raises InputError where it is no run or its files are damaged."""
    entries = load(None, [run])
    readings = read(Logs(), entries, {e.file for e in entries}, source)
    board, _ = build_board(entries, tasks_of(entries), readings)
    order = [t.name for t in board.tasks]
    return RunReport(
        tuple(
            (row, tuple(_task(row.results[name]) for name in order if name in row.results))
            for pool in board.pools
            for row in pool.rows
        )
    )


def _task(result: Result) -> TaskReport:
    task, record = result.task, result.entry.record
    answers = result.reading.answers
    items = items_of(task, record.task.suite)
    if answers is None or items is None:
        return TaskReport(result, None, (), (), ())
    known = [(items[i], a.matrix, a.curve) for i, a in answers.items() if i in items]
    judged = _margins(known)
    if not judged:
        return TaskReport(result, None, (), (), ())
    by_margin = sorted(judged, key=lambda j: (j.margin, j.item.id))
    wrong = [j for j in by_margin if j.margin < 0]
    shown = {j.item.id for j in wrong[:SHOWN]}
    close = sorted((j for j in judged if j.item.id not in shown),
                   key=lambda j: (abs(j.margin), j.item.id))  # fmt: skip
    return TaskReport(
        result, len(wrong), tuple(wrong[:SHOWN]), tuple(close[:SHOWN]), _confusions(wrong)
    )


def _margins(known: Sequence[tuple[Item, Matrix, Curve | None]]) -> list[Judged]:
    """Items with one right answer each, their margins in a unit that a task's items share."""
    spreads = [float(np.std(m)) for _, m, _ in known if m.size > 1]
    unit = float(np.mean(spreads)) if spreads else 0.0
    found = []
    for item, matrix, curve in known:
        if item.query is Query.ASSOCIATION or matrix.size < 2:  # noqa: PLR2004 # nothing to choose
            continue
        margin, taken = _margin(item, matrix)
        found.append(Judged(item, matrix, margin / unit if unit else 0.0, taken, curve))
    return found


def _margin(item: Item, matrix: Matrix) -> tuple[float, int]:
    """Lead of the right candidate, of matching items the smallest lead in a row or a column."""
    if item.query is Query.MATCHING:
        leads = []
        for i, j in enumerate(item.gold):
            leads.append(float(matrix[i, j] - np.delete(matrix[i], j).max()))
            leads.append(float(matrix[i, j] - np.delete(matrix[:, j], i).max()))
        return min(leads), int(np.argmax(matrix[0]))
    line = matrix[:, 0] if item.query is Query.IMAGE_RETRIEVAL else matrix[0]
    gold = item.gold[0]
    return float(line[gold] - np.delete(line, gold).max()), int(np.argmax(line))


def _confusions(wrong: Sequence[Judged]) -> tuple[Confusion, ...]:
    """Which text was taken for which, where the same texts come again (classes)."""
    pairs = Counter(
        (j.item.texts[j.item.gold[0]], j.item.texts[j.taken])
        for j in wrong
        if j.item.query is Query.TEXT_RETRIEVAL
    )
    often = [(pair, n) for pair, n in pairs.most_common() if n > 1][:_MOST_CONFUSIONS]
    return tuple(Confusion(right, taken, n) for (right, taken), n in often)


def against_chance(estimate: Estimate | None, chance: float | None) -> str:
    """Whether a score is above chance, as its interval says."""
    if estimate is None or chance is None or estimate.bounds is None:
        return ""
    low, high = estimate.bounds
    return (
        "above chance" if low > chance else "below chance" if high < chance else "not above chance"
    )


def budgets(tasks: Sequence[TaskReport]) -> Mapping[str, tuple[tuple[int, Estimate], ...]]:
    """Scores for smaller budgets, of the tasks whose log has them, by the task's name."""
    return {t.task.name: t.result.reading.budget for t in tasks if len(t.result.reading.budget) > 1}
