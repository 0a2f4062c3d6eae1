"""What has to be run for the tables, what of it is there, and what the rest would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.schedule import grid_timesteps
from gdbench.models.kinds import ModelEntry
from gdbench.models.loading import resolve
from gdbench.records import ResultRecord
from gdbench.reproduce.recipe import (
    COMPAT,
    LITE_STEPS,
    TABLES,
    PaperTable,
    Row,
    items_of,
)
from gdbench.reproduce.runtime import text_retrieval
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task
from gdbench.tasks.counting import Counted, of_published

Budget = Literal["authors", "lite", "full"]
Suite = Literal["full", "lite"]
_TEXT_ONLY = "-text-only"


@dataclass(frozen=True)
class Plan:
    """How the tables are to be made."""

    budget: Budget = "authors"
    models: Mapping[str, str] = field(default_factory=dict)
    """In place of a registered model: a folder, or another name."""
    loras: Mapping[str, str] = field(default_factory=dict)
    """By kind of negatives, of rows whose weights were not released."""
    samples: int | None = None
    """Fewer timesteps than the budget's; None: those of the budget."""
    limit: int | None = None
    """Fewer items of each sub-task than the budget's."""

    def steps(self, row: Row) -> int | None:
        """Timesteps asked for; None for models without any."""
        if row.steps is None:
            return None
        most = LITE_STEPS if self.budget == "lite" else row.steps
        return min(row.steps, most, self.samples or row.steps)

    @property
    def suite(self) -> Suite:
        """The suite whose items are asked: with the budget `lite` those of GDBench-lite."""
        return "lite" if self.budget == "lite" else "full"

    def items(self, row: Row, task: str) -> int | None:
        """At most so many items of each sub-task; None: all of the suite."""
        bounds = [self.limit] if self.limit else []
        if self.budget == "authors" and (figures := row.figures().get(task)):
            authors = items_of(TASKS.get(task), figures)
            bounds += [authors] if authors else []
        return min(bounds) if bounds else None


@dataclass(frozen=True)
class Job:
    """One task of one model at one budget: a run, or a part of one."""

    model: str
    """As after `--model`."""
    lora: str | None
    steps: int | None
    task: str
    limit: int | None
    suite: Suite = "full"
    text_only: bool = False
    """Only text retrieval of the task: what the runtimes are of."""

    @property
    def entry(self) -> ModelEntry:
        """What is known of the model. Raises GdbenchError where it is none."""
        found = resolve(self.model)
        if not isinstance(found, ModelEntry):
            raise InputError(f"--model {self.model}: expected a registered model or a folder")
        return found

    @property
    def folder(self) -> str:
        """Name of its run directory; the tasks of one model, suite and limit share it."""
        lora = "" if self.lora is None else f"+{Path(self.lora).name}"
        steps = "" if self.steps is None else f"-{self.steps}-steps"
        items = "" if self.limit is None else f"-{self.limit}-items"
        suite = "-lite" if self.suite == "lite" else ""
        text = _TEXT_ONLY if self.text_only else ""
        return f"{self.entry.name}{lora}{steps}{suite}{items}{text}"

    def task_of(self) -> Task:
        """The task as it is asked."""
        return text_retrieval() if self.text_only else TASKS.get(self.task)

    def counted(self) -> Counted:
        """Its size as published."""
        return of_published(self.task_of(), self.suite, COMPAT, self.limit)

    def passes(self) -> int:
        """Network passes; 0 for models that are not diffusion models."""
        return 0 if self.steps is None else self.counted().passes(len(grid_timesteps(self.steps)))

    def record_in(
        self, runs: Iterable[tuple[Path, ResultRecord]]
    ) -> tuple[Path, ResultRecord] | None:
        """The largest finished result that is this one's, with its run directory."""
        fitting = [(folder, record) for folder, record in runs if self._is(folder, record)]
        return max(fitting, key=lambda found: found[1].task.n_items, default=None)

    def _is(self, folder: Path, record: ResultRecord) -> bool:
        settings, info = record.settings, record.task
        questions = (info.name, info.suite, info.compat) == (self.task, self.suite, COMPAT)
        # by name alone: what else is text-only, and which of several LoRAs it was, no record tells
        place = self.text_only == folder.name.endswith(_TEXT_ONLY) and (
            self.lora is None or folder.name == self.folder
        )
        own_lora = settings.lora is not None and self.entry.lora is None
        model = (record.model.name, settings.samples) == (self.entry.name, self.steps)
        enough = info.limit is None or (self.limit is not None and info.limit >= self.limit)
        plain = settings.normalise is not False and own_lora == (self.lora is not None)
        return questions and place and model and enough and plain


def jobs(table: PaperTable, plan: Plan) -> Iterator[tuple[Row, Job]]:
    """What a table needs, row by row; rows whose weights nobody has released need `plan.loras`."""
    for row in table.rows:
        lora = plan.loras.get(row.lora) if row.lora else None
        if row.lora and lora is None:
            continue
        model = plan.models.get(row.model, row.model)
        if table.name == "runtime":
            limit = plan.items(row, "flickr30k")
            steps = plan.steps(row)
            yield row, Job(model, lora, steps, "flickr30k", limit, plan.suite, text_only=True)
            continue
        for task in row.figures():
            limit = plan.items(row, task)
            yield row, Job(model, lora, plan.steps(row), task, limit, plan.suite)


def kinds_of_lora() -> tuple[str, ...]:
    """The kinds of negatives whose LoRA has to be given."""
    return tuple(row.lora for table in TABLES.values() for row in table.rows if row.lora)


def missing(found: Sequence[Job], runs: Sequence[tuple[Path, ResultRecord]]) -> list[Job]:
    """The jobs that no finished run has, each once."""
    return [job for job in dict.fromkeys(found) if job.record_in(runs) is None]
