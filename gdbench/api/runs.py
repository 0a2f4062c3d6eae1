"""Past runs as one table: model, tasks, scores, budget, when, where."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdbench.api.results import OVERALL, Results, load_run
from gdbench.api.table import TextTable
from gdbench.errors import GdbenchError, InputError
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, Unit, value_text
from gdbench.submissions.layout import RUN, task_folders
from gdbench.tasks import GDBENCH, of_record

_MINUTES = 16  # characters of a time in ISO 8601 up to the minutes


@dataclass(frozen=True)
class Runs:
    """What lies below a folder: runs with a finished task, and those that cannot be read."""

    results: tuple[Results, ...]
    """Oldest first."""
    broken: tuple[str, ...]
    """A line for each run that cannot be read."""
    unfinished: tuple[Path, ...]
    """Runs without a finished task."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """All tasks that have a score in a run: those of GDBench in their order, then others."""
        names = {name for results in self.results for name in results.task_scores}
        return (
            *(name for name in GDBENCH if name in names),
            *sorted(names.difference(GDBENCH)),
        )

    def table(self) -> TextTable:
        """A row for each run, its scores in one column; for a terminal."""
        rows = [
            (_model(r), _scores_text(r), _budget(r), r.created[:_MINUTES].replace("T", " "),
             str(r.folder))
            for r in self.results
        ]  # fmt: skip
        return TextTable(("model", "scores", "budget", "when", "folder"), tuple(rows), n_names=5)

    def wide_table(self, *, paper: bool = False) -> TextTable:
        """A row for each run and a column for each task; for a paper without time and folder."""
        headers = ("model", "budget", *(() if paper else ("when", "folder")))
        overall = any(r.score is not None for r in self.results) or not self.tasks
        rows = [
            (
                _model(r), _budget(r), *(() if paper else (r.created, str(r.folder))),
                *(_cell(r, name) for name in self.tasks), *((_overall(r),) if overall else ()),
            )
            for r in self.results
        ]  # fmt: skip
        last = (OVERALL,) if overall else ()
        return TextTable((*headers, *self.tasks, *last), tuple(rows), n_names=len(headers))

    def as_dicts(self) -> list[dict[str, Any]]:
        """For JSON: scores and intervals in 0..1."""
        return [
            {
                "model": r.records[0].model.name,
                "revision": r.records[0].model.revision,
                "suite": r.records[0].task.suite,
                "limit": r.records[0].task.limit,
                "samples": r.samples,
                "created": r.created,
                "folder": str(r.folder),
                "partial": r.partial,
                "tasks": {name: _numbers(r.task_scores.get(name)) for name in r.tasks},
                "gdbench": _numbers(r.score),
            }
            for r in self.results
        ]


def find_runs(folder: Path) -> Runs:
    """Read every run below a folder, or the folder itself where it is one.

    Links are not followed. Raises InputError where there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; `gdbench evaluate` makes runs/ by default")
    results, broken, unfinished = [], [], []
    for run in _run_folders(folder):
        if not task_folders(run):
            unfinished.append(run)
            continue
        try:
            results.append(load_run(run))
        except GdbenchError as error:
            broken.append(str(error))
    results.sort(key=lambda r: (r.created, str(r.folder)))
    return Runs(tuple(results), tuple(broken), tuple(unfinished))


def _run_folders(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        if RUN in files or task_folders(Path(place)):
            # no run lies in another
            below.clear()
            yield Path(place)
        below.sort()


def _model(results: Results) -> str:
    return results.records[0].model.name


def _budget(results: Results) -> str:
    samples = () if results.samples is None else (f"T={results.samples}",)
    return ", ".join((results.suite, *samples))


def _cell(results: Results, task: str) -> str:
    score = results.task_scores.get(task)
    return "" if score is None else _text(score, of_record(results.record(task)).score_unit)


def _overall(results: Results) -> str:
    return "" if results.score is None else _text(results.score, SHARE)


def _text(score: Estimate, unit: Unit) -> str:
    return value_text(score.value, unit)


def _scores_text(results: Results) -> str:
    """GDBench's score where there is one, else those of the tasks, else their names."""
    if results.score is not None:
        return f"{OVERALL} {_overall(results)}"
    names: Sequence[str] = [*results.task_scores]
    return ", ".join(f"{name} {_cell(results, name)}" for name in names) or ", ".join(results.tasks)


def _numbers(score: Estimate | None) -> dict[str, float | None] | None:
    if score is None:
        return None
    return {"score": score.value, "low": score.low, "high": score.high}
