"""Runs what a table needs, or takes it from finished runs, and judges it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdbench.api.evaluate import evaluate
from gdbench.api.runs import find_runs
from gdbench.data.published import Figure, published_source
from gdbench.errors import GdbenchError, InputError
from gdbench.records import ResultRecord
from gdbench.reproduce.plan import Job, Plan, jobs, missing
from gdbench.reproduce.recipe import COMPAT, PaperTable, Row
from gdbench.reproduce.report import Cell, RowReport, RuntimeRow, TableReport, judged_rows
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.relog import score_finished
from gdbench.tasks import TASKS
from gdbench.tasks.lite import LITE
from gdbench.tasks.lite_pins import LOCAL, keep

Runs = list[tuple[Path, ResultRecord]]


@dataclass
class Reproduction:
    """Where runs are looked for, and where new ones are written."""

    plan: Plan
    out: Path
    """New runs, one folder for each model, budget and number of items."""
    others: Sequence[Path] = ()
    """Further folders with finished runs."""
    root: Path | None = None
    allow_partial: bool = False
    start: bool = True
    """Whether what is missing is run; else it is only named."""
    options: dict[str, Any] = field(default_factory=dict)
    """Device and batch size of new runs."""
    say: Callable[[str], None] = print
    failures: dict[Job, str] = field(default_factory=dict)
    """Why a job has no result, in one line each."""

    def runs(self) -> Runs:
        """Every finished result below the folders, with its run directory."""
        folders = [folder for folder in (self.out, *self.others) if folder.is_dir()]
        missing = [folder for folder in self.others if not folder.is_dir()]
        if missing:
            raise InputError(f"--runs {missing[0]}: no such folder")
        return [
            (results.folder, record)
            for folder in folders
            for results in find_runs(folder).results
            for record in results.records
        ]

    def reports(self, tables: Sequence[PaperTable]) -> Iterator[TableReport]:
        """Each table, as soon as it is whole."""
        for table in tables:
            asked = list(jobs(table, self.plan))
            runs = self.runs()
            lacking = missing([job for _, job in asked], runs)
            self._run_all([job for job in lacking if job not in self.failures])
            runs = self.runs()
            yield (
                self._runtimes(table, asked, runs)
                if table.name == "runtime"
                else self._report(table, asked, runs)
            )

    def _run_all(self, lacking: Sequence[Job]) -> None:
        """Run jobs; what is wrong is kept for the report, and the other jobs go on."""
        together: dict[str, list[Job]] = {}
        for job in lacking:
            fault = self._fault(job) if self.start else "no finished run"
            if fault:
                self.failures[job] = fault
            else:
                together.setdefault(job.folder, []).append(job)
        for jobs_of_run in together.values():
            self._run(jobs_of_run)

    def _fault(self, job: Job) -> str:
        """Why a task's items cannot be had; empty where they can."""
        try:
            self._pin(job)
            found = job.task_of().items(
                job.suite, self.root, COMPAT, allow_partial=self.allow_partial
            )
            next(found)
        except GdbenchError as error:
            return str(error)
        except StopIteration:
            return "no items"
        return ""

    def _pin(self, job: Job) -> None:
        """Pin the items of GDBench-lite where the package does not: see `lite_pins`."""
        published = TASKS.get(job.task).published
        if job.suite == LITE and published is not None:
            new = keep(job.task, self.root, published, COMPAT)
            if new:
                self.say(f"{job.task}: items pinned in {LOCAL} ({', '.join(new)})")

    def _run(self, together: Sequence[Job]) -> None:
        """Run the tasks of one model, budget and number of items."""
        job = together[0]
        self.say(f"{job.folder}: {', '.join(one.task for one in together)}")
        # what was not chosen is left out: an option that a model does not use is refused
        chosen: dict[str, Any] = {"samples": job.steps, "lora": job.lora}
        options = {name: value for name, value in chosen.items() if value is not None}
        try:
            evaluate(
                job.model,
                [one.task_of() for one in together],
                suite=job.suite,
                limit=job.limit,
                compat=COMPAT,
                out=self.out / job.folder,
                root=self.root,
                allow_partial=self.allow_partial,
                **self.options,
                **options,
            )
        except GdbenchError as error:
            self.failures |= dict.fromkeys(together, str(error))

    def _record(self, row: Row, job: Job, runs: Runs) -> ResultRecord | None:
        found = job.record_in(runs)
        if found is None:
            return None
        folder, record = found
        if not row.rescored:
            return record
        try:
            finished = open_finished(folder / job.task, ManifestSource(self.root))
            return score_finished(finished, **row.rescored)
        except GdbenchError as error:
            self.failures[job] = str(error)
            return None

    def _report(
        self, table: PaperTable, asked: Sequence[tuple[Row, Job]], runs: Runs
    ) -> TableReport:
        rows = [
            self._row(row, [job for other, job in asked if other is row], runs)
            for row in table.rows
        ]
        return TableReport(table.name, table.title, table.note, rows=judged_rows(rows))

    def _row(self, row: Row, asked: Sequence[Job], runs: Runs) -> RowReport:
        """One model's numbers beside the authors', not judged yet."""
        records = {
            job.task: record
            for job in asked
            if (record := self._record(row, job, runs)) is not None
        }
        notes = self._reasons(asked)
        if row.lora and not asked:
            notes.append(f"its weights were not released: give --lora {row.lora}=FOLDER")
        cells = [
            _cell(figure, records.get(task))
            for task, figures in row.figures().items()
            for figure in figures
        ]
        return RowReport(
            row.label, self._budget(row), tuple(cells), tuple(records.values()), tuple(notes)
        )

    def _reasons(self, asked: Sequence[Job]) -> list[str]:
        """Why tasks have no result: a line for each reason, with the tasks that it holds up."""
        tasks: dict[str, list[str]] = {}
        for job in asked:
            if job in self.failures:
                tasks.setdefault(self.failures[job], []).append(job.task)
        return [f"{', '.join(names)}: {reason}" for reason, names in tasks.items()]

    def _budget(self, row: Row) -> str:
        """Timesteps of theirs and of ours."""
        if row.steps is None:
            return "no timesteps"
        ours = self.plan.steps(row)
        same = f"{row.steps} timesteps asked for"
        return same if ours == row.steps else f"{same} by the authors, {ours} by us"

    def _runtimes(
        self, table: PaperTable, asked: Sequence[tuple[Row, Job]], runs: Runs
    ) -> TableReport:
        rows = []
        for row, job in asked:
            figures = published_source(row.source).runtimes
            figure = next(f for f in figures if f.model == row.published)
            found = job.record_in(runs)
            rows.append(RuntimeRow(figure, None if found is None else found[1]))
        failures = [
            f"{job.folder}: {self.failures[job]}" for _, job in asked if job in self.failures
        ]
        note = "\n\n".join([*failures, table.note])
        return TableReport(table.name, table.title, note, runtimes=tuple(rows))


def _cell(figure: Figure, record: ResultRecord | None) -> Cell:
    """One number of the authors, and ours of that name where the record has it."""
    measure = next(m for m in TASKS.get(figure.task).measures if m.name == figure.metric)
    found = [] if record is None else [m for m in record.metrics if m.name == figure.metric]
    return Cell(figure.task, measure.unit, figure, found[0] if found else None)
