"""A finished run as the exporters see it: records, and per-item values where items are at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gdbench.errors import InputError
from gdbench.metrics.measures import Sample
from gdbench.models.hub import HUB_ID
from gdbench.protocol import Label, Scores
from gdbench.records import MetricValue, ResultRecord
from gdbench.submissions.finished import Finished, open_run
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.results import samples_of
from gdbench.tasks import of_record
from gdbench.tasks.base import Task

SCORE = "score"
"""Name of a task's score beside its metrics: the mean of the primary ones."""
_HUB = "https://huggingface.co/"
_GENERATIVE = ("diffusion-unet", "diffusion-transformer", "generative-vlm")
_BUNDLED = re.compile(r"mini-(sd|clip|flow|itm)[a-z-]*\Z")


@dataclass(frozen=True)
class FinishedTask:
    """One task of a run."""

    finished: Finished

    @property
    def record(self) -> ResultRecord:
        """The record."""
        return self.finished.record

    @property
    def task(self) -> Task:
        """The task; of one that is not installed here only what the record says."""
        return of_record(self.record)

    @property
    def metrics(self) -> tuple[MetricValue, ...]:
        """The task's score, where it has one, then every metric."""
        record = self.record
        if record.score is None:
            return record.metrics
        chances = [m.chance for m in record.metrics if m.name in self.task.primary]
        known = [c for c in chances if c is not None]
        whole = MetricValue(
            name=SCORE,
            value=record.score,
            low=record.score_low,
            high=record.score_high,
            n=record.task.n_items,
            chance=sum(known) / len(known) if known and len(known) == len(chances) else None,
        )
        return (whole, *record.metrics)

    @property
    def has_items(self) -> bool:
        """Whether the task's items are at hand, so that each answer can be judged."""
        return self.finished.manifest is not None and self.finished.file is not None

    @cached_property
    def _ordered(self) -> tuple[list[Label], list[Scores]]:
        return list(self.finished.labels), list(self.finished.scores)

    def items(self) -> Iterator[tuple[Label, Scores]]:
        """Every item with its scores. Raises InputError where the items are not at hand."""
        yield from zip(*self._ordered, strict=True)

    def samples(self) -> Mapping[str, Sample]:
        """Per-item values by metric, for the metrics that are means over items."""
        labels, scores = self._ordered
        return samples_of(self.task, labels, [s.matrix for s in scores])


def read_run(folder: Path, root: Path | None) -> tuple[FinishedTask, ...]:
    """The finished tasks of a run directory or of a revision's folder of submissions.

    Raises InputError where there are none, or a file is damaged.
    """
    return tuple(FinishedTask(f) for f in open_run(folder, ManifestSource(root)))


def model_id(record: ResultRecord, asked: str | None) -> str:
    """`OWNER/NAME` of the record's model: as asked for, else as the card says.

    Raises InputError where it is not known, or is no such id.
    """
    if asked is not None:
        if HUB_ID.fullmatch(asked) is None:
            raise InputError(f"--model-id {asked!r}: expected OWNER/NAME")
        return asked
    card = record.model
    url = card.url.removeprefix(_HUB)
    if url != card.url and HUB_ID.fullmatch(url):
        return url
    if card.family in _GENERATIVE and HUB_ID.fullmatch(card.source):
        return card.source
    if card.family == "control" or _BUNDLED.fullmatch(card.name):
        return f"gdbench/{card.name}"
    raise InputError(
        f"who made {card.name} is not in its record: give --model-id OWNER/NAME, as on the hub"
    )
