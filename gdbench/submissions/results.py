"""Per-item values of a run or a submission: what comparisons are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.metrics.association import Groups, groups_of
from gdbench.metrics.measures import (
    Sample,
    TieRule,
    associations,
    means,
    merge,
    sample,
    tie_rule,
)
from gdbench.protocol import Label, Matrix
from gdbench.records import ResultRecord
from gdbench.submissions.finished import Finished, open_run
from gdbench.submissions.manifest import ManifestSource
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class TaskResult:
    """One task of one model."""

    task: Task
    record: ResultRecord
    samples: dict[str, Sample]
    """By metric; bias has none."""
    score: Sample | None
    """The primary metrics merged: its value is the score of the task."""
    groups: Groups | None
    """phi by group, pictures by id (association tasks)."""

    @property
    def ties(self) -> TieRule:
        """The tie rule of the record."""
        return tie_rule(self.record.task.compat)


@dataclass(frozen=True)
class TaskResults:
    """All tasks of one model."""

    name: str
    """`model@revision`."""
    tasks: dict[str, TaskResult]


def load_results(folder: Path, source: ManifestSource | None = None) -> TaskResults:
    """Read a run directory, or a revision's folder of submissions.

    Raises InputError where there is no record, a file is damaged, the scores are not those of the
    record, or the task's items are not at hand.
    """
    tasks = {}
    name = ""
    for finished in open_run(folder, source or ManifestSource()):
        record = finished.record
        tasks[record.task.name] = task_result(finished)
        name = f"{record.model.name}@{record.model.revision}"
    return TaskResults(name, tasks)


def samples_of(
    task: Task, labels: Sequence[Label], matrices: Sequence[Matrix]
) -> dict[str, Sample]:
    """Per-item values of every measure of a task that is a mean over items."""
    found = {measure.name: sample(measure, labels, matrices) for measure in means(task.measures)}
    return {name: values for name, values in found.items() if values is not None}


def score_of(task: Task, samples: Mapping[str, Sample]) -> Sample | None:
    """The primary metrics merged; None where one of them is missing or the task has none."""
    primary = {name: samples[name] for name in task.primary if name in samples}
    return merge(primary) if primary and len(primary) == len(task.primary) else None


def task_result(finished: Finished) -> TaskResult:
    """Samples of every measure of a task. Raises InputError where its items are not at hand."""
    task = finished.task
    pairs = zip(finished.labels, finished.scores, strict=True)
    ordered = sorted(pairs, key=lambda pair: pair[1].item_id)
    labels, matrices = [label for label, _ in ordered], [s.matrix for _, s in ordered]
    samples = samples_of(task, labels, matrices)
    return TaskResult(
        task,
        finished.record,
        samples,
        score_of(task, samples),
        groups_of(labels, matrices) if associations(task.measures) else None,
    )
