"""What a report says of a run: plain values, made from the one reader's readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gdbench.leaderboard.gather.items import items_of
from gdbench.leaderboard.judged.board import Board, Result
from gdbench.leaderboard.judged.reading import Curve
from gdbench.leaderboard.judged.report import Confusion, Judged, RunReport, TaskReport
from gdbench.protocol import Item, Matrix, Query

SHOWN = 3
"""Items of a task among the hardest, and among the closest."""
_MOST_CONFUSIONS = 12


def report_of(board: Board) -> RunReport:
    """What the board of one run says, each task with its hardest and closest items."""
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
