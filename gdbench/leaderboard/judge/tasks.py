"""A task in one pool: the order of its models, what could be told apart, what precision takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gdbench.leaderboard.judge.compare import detectable
from gdbench.leaderboard.judge.evidence import Evidence
from gdbench.leaderboard.judge.precision import precision
from gdbench.leaderboard.judged.board import Row, TaskStanding
from gdbench.leaderboard.judged.trust import COMPARED
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task


def standing(
    task: Task, rows: Sequence[Row], evidence: Mapping[str, Evidence]
) -> TaskStanding | None:
    """The task as the rows of a pool, best first, have it; None where none has."""
    found = [r for r in rows if task.name in r.results]
    if not found:
        return None
    values = {r.name: e.value for r in found if (e := r.results[task.name].estimate) is not None}
    if values:
        found.sort(key=lambda r: (-values.get(r.name, -1.0), r.name))
    n = max(r.results[task.name].entry.record.task.n_items for r in found)
    seen = None
    if task.primary and task.score_unit == SHARE:
        samples = [
            own.tasks[task.name]
            for r in found
            if r.trust.badge in COMPARED
            and (own := evidence.get(r.name)) is not None
            and task.name in own.tasks
        ]
        seen = detectable(samples, n)
    return TaskStanding(
        order=tuple(r.name for r in found),
        scored=bool(values),
        n_items=n,
        detectable=seen,
        precision=precision(task, found),
    )
