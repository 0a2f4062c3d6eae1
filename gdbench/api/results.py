"""The results of one run: its scores, tables of them, and what every item got."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gdbench.api.table import TextTable
from gdbench.errors import InputError, UnknownNameError
from gdbench.metrics.estimate import Estimate, mean_independent, of_score
from gdbench.metrics.measures import MEAN_ABS_EFFECT
from gdbench.numbers import SHARE, count, flops, interval_text, seconds, size_in_bytes, value_text
from gdbench.protocol import Scores
from gdbench.records import MetricValue, ResultRecord
from gdbench.run import as_path
from gdbench.submissions.finished import open_finished, open_run
from gdbench.tasks import ABILITY, of_record
from gdbench.tasks.base import Task

if TYPE_CHECKING:
    import pandas as pd

OVERALL = "GDBench"
_HEADERS = ("task", "score", "95 % interval", "chance", "n")


@dataclass(frozen=True, repr=False)
class Results:
    """The records of one model in one run folder, in the order of its tasks.

    Shares and scores are in 0..1 in everything that is a number, and points out of 100 in tables.
    """

    folder: Path
    """Where records and score logs lie."""
    records: tuple[ResultRecord, ...]

    @property
    def model(self) -> str:
        """`name@revision`."""
        card = self.records[0].model
        return f"{card.name}@{card.revision}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(record.task.name for record in self.records)

    @property
    def suite(self) -> str:
        """Which items were asked, e.g. `mini, limit 10`."""
        info = self.records[0].task
        return info.suite if info.limit is None else f"{info.suite}, limit {info.limit}"

    @property
    def samples(self) -> int | None:
        """Timesteps of each pair; None for models that do not average over any."""
        steps = self.records[0].settings.timesteps
        return None if steps is None else len(steps)

    @property
    def created(self) -> str:
        """When the newest record was made: UTC, ISO 8601."""
        return max(record.created for record in self.records)

    @property
    def partial(self) -> bool:
        """Whether items of a task are missing."""
        return any(record.partial for record in self.records)

    @cached_property
    def task_scores(self) -> Mapping[str, Estimate]:
        """Score and 95 % interval of each task that has one (bias has none), in 0..1."""
        return {
            record.task.name: score
            for record in self.records
            if (score := _score(record)) is not None
        }

    @property
    def score(self) -> Estimate | None:
        """The GDBench score with its 95 % interval, in 0..1: the mean of the seven ability tasks.

        None unless all seven are here.
        """
        if any(name not in self.task_scores for name in ABILITY):
            return None
        return mean_independent([self.task_scores[name] for name in ABILITY])

    def record(self, task: str) -> ResultRecord:
        """The record of a task. Raises UnknownNameError where the run does not have it."""
        for record in self.records:
            if record.task.name == task:
                return record
        raise UnknownNameError(
            f"no task {task!r} in {self.folder}; it has: {', '.join(self.tasks)}"
        )

    def __getitem__(self, task: str) -> ResultRecord:
        return self.record(task)

    def scores(self, task: str) -> pd.DataFrame:
        """One row for each image-text pair of a task, from its score log.

        Columns: `item`, `image` and `text` (positions in the item, from 0), `score` (higher is a
        better match). Raises InputError where the log is damaged or gone.
        """
        import pandas as pd

        return pd.DataFrame(_joined([_pairs(s) for s in self._log(task)]))

    def errors(self, task: str) -> pd.DataFrame:
        """One row for each image-text pair and timestep of a task, from its score log.

        Columns: `item`, `image`, `text`, `timestep`, `error` (L2 norm of the prediction error
        under the text) and `unconditional_error` (under the empty prompt; NaN where it was not
        measured). Timesteps at which an item had stopped are left out. Raises InputError where the
        model does not average over timesteps, or the log is damaged or without errors.
        """
        import pandas as pd

        steps = self.record(task).settings.timesteps
        if steps is None:
            raise InputError(f"{self.model} does not average over timesteps: there are no errors")
        log = self._log(task)
        if any(s.errors is None for s in log):
            raise InputError(f"{self.folder / task}: the log has no per-timestep errors")
        table = pd.DataFrame(_joined([_errors(s, np.asarray(steps)) for s in log]))
        return table[table["error"].notna()].reset_index(drop=True)

    def _log(self, task: str) -> tuple[Scores, ...]:
        finished = open_finished(self.folder / self.record(task).task.name)
        if finished.record.scores_sha256 != self.record(task).scores_sha256:
            raise InputError(
                f"{finished.folder}: the run went on since; read it again with gdbench.load_run"
            )
        return finished.scores

    def to_pandas(self, *, metrics: bool = False) -> pd.DataFrame:
        """One row for each task, or for each metric of each task; numbers as in the records.

        Columns: `model`, `task`, (`metric`,) `score` or `value`, `low`, `high` (95 % interval),
        `chance`, `n`, `partial`.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for record in self.records:
            names = {"model": self.model, "task": record.task.name}
            rest = {"partial": record.partial}
            if metrics:
                rows += [
                    names | {"metric": m.name, **_numbers(m, "value")} | rest
                    for m in record.metrics
                ]
                continue
            score = self.task_scores.get(record.task.name)
            values = {
                "score": None if score is None else score.value,
                "low": None if score is None else score.low,
                "high": None if score is None else score.high,
                "chance": chance_of(record),
                "n": record.task.n_items,
            }
            rows.append(names | values | rest)
        return pd.DataFrame(rows)

    def table(self, *, metrics: bool = False) -> TextTable:
        """Scores of the tasks and of GDBench as texts, or every metric."""
        if metrics:
            return metric_table(self.records)
        rows = [_row(record, self.task_scores.get(record.task.name)) for record in self.records]
        overall = self.score
        if overall is not None:
            rows.append((OVERALL, *_estimate_cells(overall), "", ""))
        return TextTable(_HEADERS, tuple(rows))

    def to_markdown(self, *, metrics: bool = False) -> str:
        """The table in Markdown, scores as points out of 100."""
        return self.table(metrics=metrics).markdown()

    def to_latex(self, *, metrics: bool = False) -> str:
        r"""The table as a `tabular` (needs `\usepackage{booktabs}`), scores out of 100."""
        return self.table(metrics=metrics).latex()

    def notes(self) -> list[str]:
        """What a reader has to know of the scores, a line each."""
        lines = [line for record in self.records for line in record_notes(record)]
        missing = [name for name in ABILITY if name not in self.task_scores]
        if missing and len(missing) < len(ABILITY):
            lines.append(
                f"no {OVERALL} score: {len(ABILITY) - len(missing)} of its {len(ABILITY)} tasks"
            )
        return lines

    @property
    def cost(self) -> str:
        """What the run took, over all tasks: passes, time, memory, device."""
        return cost_text(self.records)

    def _head(self) -> str:
        budget = "" if self.samples is None else f", {self.samples} samples"
        return f"{self.model} ({self.suite}{budget})"

    def __repr__(self) -> str:
        lines = [self._head(), self.table().text(), *self.notes()]
        return "\n".join([*lines, f"cost: {self.cost}", f"folder: {self.folder}"])

    def _repr_html_(self) -> str:
        from html import escape

        notes = [*self.notes(), f"cost: {self.cost}", f"folder: {self.folder}"]
        below = "<br>".join(map(escape, notes))
        return f"<b>{escape(self._head())}</b>{self.table().html()}<small>{below}</small>"


def load_run(folder: str | Path) -> Results:
    """The results in a run folder, or a revision's folder of submissions; every file is checked.

    Raises InputError with one line where there is none, or a file is damaged.
    """
    where = as_path(folder, "folder")
    return Results(where, tuple(finished.record for finished in open_run(where)))


def _score(record: ResultRecord) -> Estimate | None:
    names = of_record(record).primary
    primary = [m for m in record.metrics if m.name in names]
    if record.score is None:
        return None
    if not primary:
        return Estimate(record.score, record.score_low, record.score_high)
    return of_score(record, primary)


def chance_of(record: ResultRecord) -> float | None:
    """The score of a constant model; None where the record does not tell."""
    names = of_record(record).primary
    levels = [m.chance for m in record.metrics if m.name in names]
    known = [level for level in levels if level is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(levels) else None


def _numbers(metric: MetricValue, name: str) -> dict[str, Any]:
    ends = {"low": metric.low, "high": metric.high}
    return {name: metric.value, **ends, "chance": metric.chance, "n": metric.n}


def _estimate_cells(score: Estimate) -> tuple[str, str]:
    return value_text(score.value, SHARE), interval_text(score.low, score.high, SHARE)


def _row(record: ResultRecord, score: Estimate | None) -> tuple[str, ...]:
    """A task's score; of an association task its mean effect, which is part of no score."""
    task, info = of_record(record), record.task
    if score is not None:
        unit = task.score_unit
        value = value_text(score.value, unit)
        ends = interval_text(score.low, score.high, unit)
        return info.name, value, ends, value_text(chance_of(record), unit), f"{info.n_items:,}"
    effects = [m for m in record.metrics if m.name == MEAN_ABS_EFFECT]
    if not effects:
        return info.name, "", "", "", f"{info.n_items:,}"
    return f"{info.name}, {MEAN_ABS_EFFECT}", *_metric_cells(task, effects[0])


def _metric_cells(task: Task, metric: MetricValue) -> tuple[str, str, str, str]:
    unit = task.unit(metric)
    return (
        value_text(metric.value, unit),
        interval_text(metric.low, metric.high, unit),
        value_text(metric.chance, unit),
        f"{metric.n:,}",
    )


def metric_table(records: Sequence[ResultRecord]) -> TextTable:
    """Every metric of every task: value, interval, chance, n, ties."""
    rows = [
        (
            record.task.name,
            m.name,
            *_metric_cells(of_record(record), m),
            str(m.ties) if m.ties else "",
        )
        for record in records
        for m in record.metrics
    ]
    headers = ("task", "metric", "value", "95 % interval", "chance", "n", "ties")
    return TextTable(headers, tuple(rows), n_names=2)


def record_notes(record: ResultRecord) -> Iterator[str]:
    """What a reader has to know of one record."""
    info = record.task
    if record.partial:
        expected = info.n_expected or "an unknown number of"
        yield f"{info.name}: partial, {info.n_items} of {expected} items"
    if record.truncated_texts:
        # cut, or with a tokenizer's special tokens
        count_of = f"{info.name}: {record.truncated_texts} captions"
        yield f"{count_of} were not read as they stand"


def cost_text(records: Sequence[ResultRecord]) -> str:
    """What some records took together; what is not known of one is left out."""
    costs = [record.cost for record in records]
    passes = [c.unet_evaluations for c in costs if c.unet_evaluations is not None]
    work = [float(c.flops) for c in costs if c.flops is not None]
    walls = [c.wall_seconds for c in costs if c.wall_seconds is not None]
    peaks = [c.peak_memory_bytes for c in costs if c.peak_memory_bytes is not None]
    on_device = [
        c.peak_device_memory_bytes for c in costs if c.peak_device_memory_bytes is not None
    ]
    parts = []
    if passes and len(passes) == len(costs):
        parts.append(f"{count(sum(passes))} network passes")
    if len(work) == len(costs) and any(work):
        parts.append(flops(math.fsum(work)))
    if walls and len(walls) == len(costs):
        parts.append(seconds(math.fsum(walls)))
    if peaks:
        parts.append(f"{size_in_bytes(max(peaks))} of memory at most")
    if on_device:
        parts.append(f"{size_in_bytes(max(on_device))} of the device's own at most")
    parts.append(", ".join(sorted({c.device for c in costs})))
    return ", ".join(parts)


def _pairs(scores: Scores) -> dict[str, Any]:
    """The pairs of an item as columns."""
    n_images, n_texts = scores.matrix.shape
    image, text = np.divmod(np.arange(n_images * n_texts), n_texts)
    item = np.full(len(image), scores.item_id, dtype=object)
    return {"item": item, "image": image, "text": text, "score": scores.matrix.ravel()}


def _errors(scores: Scores, steps: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The pairs and timesteps of an item as columns; both are of `errors` (I, T, K)."""
    if scores.errors is None:
        raise ValueError("no errors")
    errors, base = scores.errors, scores.unconditional_errors
    n_images, n_texts, n = errors.shape
    image, text, step = (a.ravel() for a in np.indices((n_images, n_texts, n)))
    nothing = np.full((n_images, n), np.nan, dtype=np.float32)
    unconditional = nothing if base is None else base[:, :n]
    return {
        "item": np.full(len(image), scores.item_id, dtype=object),
        "image": image,
        "text": text,
        "timestep": steps[:n][step],
        "error": errors.ravel(),
        "unconditional_error": unconditional[image, step],
    }


def _joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
