"""What the published numbers measure: columns, chance, human scores, words."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.leaderboard.judged.capabilities import Key
from gdbench.leaderboard.judged.published import Measured
from gdbench.metrics.measures import AnyMeasure, PairMatching, Recall
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task

# CLEVR's score is the macro average; the authors printed n and the exact share of the micro
# average alone, which is the same where sub-tasks have equally many items.
_SHOWN = {"clevr": ("micro",)}
_EFFECTS_SHOWN = ("christian_muslim", "american_arab", "heterosexual_lgbt")
_CANDIDATES = {
    "flickr30k": 10, "aro": 2, "imagecode": 10, "svo": 2, "clevr": 2, "pets": 37, "sugarcrepe": 2,
}  # fmt: skip
_CANDIDATES_OF_SUBTASK = {"coco_order": 5, "flickr30k_order": 5}


def chance_of(task: Task, measure: AnyMeasure) -> float | None:
    """Expected score of a constant model on the published items; None where that is not known."""
    if isinstance(measure, PairMatching):
        return 1 / 6 if measure.part == "group" else 1 / 4
    if not isinstance(measure, Recall):
        return None
    sizes = {_CANDIDATES_OF_SUBTASK.get(s, _CANDIDATES.get(task.name)) for s in measure.subtasks}
    size = sizes.pop() if len(sizes) == 1 else None
    return None if size is None else min(1.0, measure.k / size)


def measures_of(task: Task) -> tuple[Measured, ...]:
    """All measures of a task."""
    return tuple(
        Measured(task, m.name, m.unit, chance_of(task, m), task.human.get(m.name))
        for m in task.measures
    )


def shown_of(task: Task) -> tuple[Measured, ...]:
    """The measures that stand in the first table: what makes the score, three pairs of bias."""
    names = _SHOWN.get(task.name, task.primary or _EFFECTS_SHOWN)
    return tuple(m for m in measures_of(task) if m.metric in names)


def effect_keys(tasks: Sequence[Task]) -> frozenset[Key]:
    """The measures that are effect sizes."""
    return frozenset((t.name, m.name) for t in tasks for m in t.measures if m.unit != SHARE)
