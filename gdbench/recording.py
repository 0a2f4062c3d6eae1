"""From a finished score log to its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gdbench.collector import no_collection
from gdbench.engines.base import Place
from gdbench.environment import environment
from gdbench.metrics.labels import Labels
from gdbench.metrics.matrices import ScoreMatrices
from gdbench.metrics.measures import tie_rule
from gdbench.metrics.summary import RESAMPLING_SEED, score_interval, summarise, task_score
from gdbench.records import Cost, Operations, ResultRecord, TaskInfo
from gdbench.run import RunInfo
from gdbench.run_folder import now
from gdbench.signature import signature
from gdbench.store import ScoreLog, ScoresHash
from gdbench.tasks import definition_of
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class LogSums:
    """What a record needs of a score log, gathered in one walk over its columns."""

    matrices: ScoreMatrices
    lengths: NDArray[np.int32]
    """Timesteps of each item."""
    evaluations: int
    """Errors that were logged."""
    truncated_texts: int
    sha256: str

    @classmethod
    def of(cls, log: ScoreLog) -> Self:
        """Walk over a log; what is kept are four bytes a pair and a few an item."""
        digest = ScoresHash()
        values, shapes, lengths = [], [], []
        evaluations = truncated = 0
        for block in log.blocks():
            digest.add(block)
            values.append(block.score.copy())
            shapes.append(block.shapes.astype(np.int32))
            lengths.append(block.lengths.astype(np.int32))
            truncated += int(block.truncated.sum())
            evaluations += 0 if block.errors is None else int(block.errors.offsets[-1])
        matrices = ScoreMatrices(np.concatenate(values), np.concatenate(shapes))
        return cls(matrices, np.concatenate(lengths), evaluations, truncated, digest.hexdigest())


def make_record(
    place: Place,
    info: RunInfo,
    task: Task,
    task_info: TaskInfo,
    labels: Labels,
    log: ScoreLog,
    operations: Operations | str,
) -> ResultRecord:
    """The record of a finished score log, whose items have these labels."""
    settings, compat = info.spec.settings, info.spec.conditions.compat
    with no_collection():
        sums = LogSums.of(log)
    metrics = summarise(
        task.measures,
        labels,
        sums.matrices,
        seed=RESAMPLING_SEED,
        errors=log.read if settings.timesteps is not None else None,
        lengths=sums.lengths,
        settings=settings,
        compat=compat,
    )
    interval = score_interval(
        task.measures, task.primary, labels, sums.matrices, ties=tie_rule(compat)
    )
    evaluations = log.evaluations()
    return ResultRecord(
        task=task_info,
        definition=definition_of(task),
        model=info.model,
        content=info.content,
        settings=settings,
        metrics=metrics,
        score=task_score(task.primary, metrics),
        score_low=interval.low if interval else None,
        score_high=interval.high if interval else None,
        truncated_texts=sums.truncated_texts,
        resampling_seed=RESAMPLING_SEED,
        cost=Cost(
            unet_evaluations=None
            if settings.timesteps is None
            else sums.evaluations
            if evaluations is None
            else evaluations,
            operations=operations,
            wall_seconds=log.wall_seconds(),
            device_seconds=log.device_seconds(),
            peak_memory_bytes=place.peak_memory_bytes,
            peak_device_memory_bytes=place.peak_device_memory_bytes,
            device=place.device,
            device_name=place.device_name,
            devices=place.devices,
        ),
        environment=environment(),
        signature=signature(task_info, info.model, settings, info.content),
        scores_sha256=sums.sha256,
        created=now(),
    )
