"""The authors' numbers and ours side by side, as tables for a terminal, a page and a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gdbench.api.results import cost_text
from gdbench.api.table import TextTable
from gdbench.data.published import Figure, Runtime
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import EFFECT, Unit, interval_text, value_text
from gdbench.records import MetricValue, ResultRecord
from gdbench.reproduce.agreement import (
    EFFECT_MARGIN,
    SHARE_MARGIN,
    Agreement,
    Quantity,
    judged,
    of_figure,
    of_metric,
)
from gdbench.reproduce.recipe import PAPER

_HEADERS = ("", "authors", "n", "ours", "n", "ours - authors", "")
_MINUTE = 60.0


@dataclass(frozen=True)
class Cell:
    """One number of the paper."""

    task: str
    unit: Unit
    figure: Figure
    ours: MetricValue | None
    """None where it was not run."""
    agreement: Agreement | None = None

    @property
    def theirs(self) -> Quantity:
        """The authors' number."""
        return of_figure(self.figure)

    @property
    def own(self) -> Quantity | None:
        """Our number."""
        return None if self.ours is None else of_metric(self.ours)

    @property
    def verdict(self) -> str:
        """In words."""
        return "not run" if self.agreement is None else self.agreement.verdict

    def texts(self) -> tuple[str, ...]:
        """For a table."""
        figure, found = self.figure, self.agreement
        theirs = _with_interval(self.theirs.interval, self.unit)
        n = "" if figure.n is None else f"{figure.n - (figure.repeated or 0):,}"
        start = (f"{self.task} {figure.metric}", theirs, n)
        if self.ours is None or self.own is None or found is None:
            return (*start, "", "", "", self.verdict)
        difference = Estimate(found.difference, found.low, found.high)
        return (
            *start,
            _with_interval(self.own.interval, self.unit),
            f"{self.ours.n:,}",
            _with_interval(difference, self.unit, difference=True),
            self.verdict,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON; shares in 0..1."""
        figure, found = self.figure, self.agreement
        authors = {"n": figure.n, "ties": figure.ties, "note": figure.note}
        ours = None
        if self.ours is not None and self.own is not None:
            ours = _numbers(self.own) | {"n": self.ours.n, "ties": self.ours.ties}
        return {
            "task": self.task,
            "metric": figure.metric,
            "authors": _numbers(self.theirs) | authors,
            "ours": ours,
            **({} if found is None else asdict(found)),
            "verdict": self.verdict,
        }


def judged_rows(rows: Sequence[RowReport]) -> tuple[RowReport, ...]:
    """The rows of one table with what a test says of each cell, all cells looked at together."""
    cells = [cell for row in rows for cell in row.cells]
    known = [(cell, own) for cell in cells if (own := cell.own) is not None]
    found = judged(
        [(cell.theirs, own) for cell, own in known],
        [EFFECT_MARGIN if cell.unit == EFFECT else SHARE_MARGIN for cell, _ in known],
    )
    verdicts = iter(found)
    return tuple(
        replace(
            row,
            cells=tuple(
                cell if cell.ours is None else replace(cell, agreement=next(verdicts))
                for cell in row.cells
            ),
        )
        for row in rows
    )


@dataclass(frozen=True)
class RowReport:
    """One model of a table."""

    label: str
    budget: str
    """Timesteps of theirs and of ours."""
    cells: tuple[Cell, ...]
    records: tuple[ResultRecord, ...]
    notes: tuple[str, ...]
    """What is missing, and why."""

    @property
    def cost(self) -> str:
        """What ours took; empty where nothing was run."""
        return cost_text(self.records) if self.records else ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "row": self.label,
            "budget": self.budget,
            "cost": self.cost,
            "signatures": [record.signature for record in self.records],
            "notes": list(self.notes),
            "figures": [cell.as_dict() for cell in self.cells],
        }


@dataclass(frozen=True)
class RuntimeRow:
    """One duration of the paper."""

    figure: Runtime
    record: ResultRecord | None

    @property
    def minutes(self) -> float | None:
        """Ours; None where there is no run, or nobody took the time."""
        seconds = None if self.record is None else self.record.cost.wall_seconds
        return None if seconds is None else seconds / _MINUTE

    def texts(self) -> tuple[str, ...]:
        """For a table."""
        theirs = f"{self.figure.minutes:g} on {self.figure.device}"
        if self.record is None or self.minutes is None:
            return self.figure.model, theirs, "", "", "not run"
        info, cost = self.record.task, self.record.cost
        verdict = "another device" if info.limit is None else "another device, fewer items"
        device = cost.device_name or cost.device
        return (
            self.figure.model, theirs, f"{self.minutes:.3g} on {device}", f"{info.n_items:,}",
            verdict,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        cost = None if self.record is None else self.record.cost
        return {
            "row": self.figure.model,
            "authors_minutes": self.figure.minutes,
            "authors_device": self.figure.device,
            "ours_minutes": self.minutes,
            "ours_device": None if cost is None else cost.device_name or cost.device,
            "n": None if self.record is None else self.record.task.n_items,
        }


@dataclass(frozen=True)
class TableReport:
    """One table of the paper."""

    name: str
    title: str
    note: str
    rows: tuple[RowReport, ...] = ()
    runtimes: tuple[RuntimeRow, ...] = ()

    def parts(self) -> Iterator[tuple[str, TextTable, tuple[str, ...]]]:
        """Heading, table and notes of each row."""
        for row in self.rows:
            cells = tuple(cell.texts() for cell in row.cells)
            cost = (f"cost: {row.cost}",) if row.cost else ()
            yield f"{row.label} ({row.budget})", TextTable(_HEADERS, cells), (*row.notes, *cost)
        if self.runtimes:
            made = tuple(row.texts() for row in self.runtimes)
            yield self.title, TextTable(("", "authors", "ours", "n", ""), made), self._ratio()

    def _ratio(self) -> tuple[str, ...]:
        """How many times as long the first takes as the second, theirs and ours."""
        first, second = self.runtimes
        theirs = first.figure.minutes / second.figure.minutes
        text = f"ratio of the authors: {theirs:.3g}"
        if first.minutes is None or second.minutes is None:
            return (text,)
        return (f"{text}; ours: {first.minutes / second.minutes:.3g}",)

    @property
    def complete(self) -> bool:
        """Whether there is a number of ours beside every one of theirs."""
        cells = (cell for row in self.rows for cell in row.cells)
        ran = all(cell.ours is not None for cell in cells)
        return ran and all(row.record is not None for row in self.runtimes)

    def markdown(self) -> str:
        """For a page."""
        blocks = [f"## Table {self.name}: {self.title}"]
        for heading, table, notes in self.parts():
            blocks += [f"### {heading}", table.markdown(), *notes]
        return "\n\n".join([*blocks, *([self.note] if self.note else [])])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "table": self.name,
            "title": self.title,
            "note": self.note,
            "rows": [row.as_dict() for row in self.rows],
            "runtimes": [row.as_dict() for row in self.runtimes],
        }


def _with_interval(estimate: Estimate, unit: Unit, *, difference: bool = False) -> str:
    value = value_text(estimate.value, unit, difference=difference)
    ends = interval_text(estimate.low, estimate.high, unit, difference=difference)
    return f"{value} ({ends})" if ends else value


def _numbers(quantity: Quantity) -> dict[str, float | None]:
    ends = quantity.interval
    return {"value": quantity.value, "low": ends.low, "high": ends.high}


def as_dicts(reports: Sequence[TableReport]) -> dict[str, Any]:
    """All tables for JSON."""
    return {"paper": PAPER, "tables": [report.as_dict() for report in reports]}
