"""Per-item values of a run or a submission: what comparisons are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import InputError
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
from gdbench.protocol import Scores
from gdbench.records import ResultRecord
from gdbench.store import hash_scores
from gdbench.submissions.layout import RECORD, SCORES
from gdbench.submissions.manifest import Manifest, ManifestSource
from gdbench.submissions.problems import Rejected
from gdbench.submissions.scores import read_scores
from gdbench.submissions.verify import read_record
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class TaskResult:
    """One task of one model."""

    task: Task
    record: ResultRecord
    scores: tuple[Scores, ...]
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
class Results:
    """All tasks of one model."""

    name: str
    """`model@revision`."""
    tasks: dict[str, TaskResult]


def load_results(folder: Path, source: ManifestSource | None = None) -> Results:
    """Read a run directory, or a revision's folder of submissions.

    Raises InputError where there is no record, a file is damaged, or the scores are not those of
    the record; GdbenchError where the task's items are not at hand.
    """
    paths = sorted(folder.glob(f"*/{RECORD}"))
    if not paths:
        raise InputError(
            f"{folder}: no records (<task>/{RECORD}); give a run or submissions/<model>/<revision>"
        )
    tasks = {}
    name = ""
    for path in paths:
        found = load_task(path.parent, source)
        tasks[found.record.task.name] = found
        name = f"{found.record.model.name}@{found.record.model.revision}"
    return Results(name, tasks)


def load_task(folder: Path, source: ManifestSource | None = None) -> TaskResult:
    """Read one task of a run or submission. Raises as `load_results`."""
    try:
        record = read_record(folder / RECORD)
    except Rejected as error:
        raise InputError(f"{folder / RECORD}: {error.problem}") from error
    task = TASKS.get(record.task.name)
    manifest = (source or ManifestSource()).get(task, record.task.suite, record.task.compat)
    try:
        scores = read_scores(folder / SCORES, manifest.labels).scores
    except Rejected as error:
        raise InputError(f"{folder / SCORES}: {error.problem}") from error
    if hash_scores(scores) != record.scores_sha256:
        raise InputError(f"{folder / SCORES}: these are not the scores of {RECORD} (another hash)")
    return task_result(task, record, scores, manifest)


def task_result(
    task: Task, record: ResultRecord, scores: Sequence[Scores], manifest: Manifest
) -> TaskResult:
    """Samples of every measure of a task from its scores."""
    ordered = sorted(scores, key=lambda s: s.item_id)
    labels = [manifest.labels[s.item_id] for s in ordered]
    matrices = [s.matrix for s in ordered]
    samples = {}
    for measure in means(task.measures):
        found = sample(measure, labels, matrices)
        if found is not None:
            samples[measure.name] = found
    primary = {name: samples[name] for name in task.primary if name in samples}
    whole = bool(primary) and len(primary) == len(task.primary)
    return TaskResult(
        task,
        record,
        tuple(scores),
        samples,
        merge(primary) if whole else None,
        groups_of(labels, matrices) if associations(task.measures) else None,
    )
