"""The tables of a reproduction as one HTML file, drawn like the report of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gdbench.api.table import TextTable
from gdbench.leaderboard.show.plots import forest
from gdbench.leaderboard.show.render import single_page, write_page
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import EFFECT, SHARE, Unit
from gdbench.reproduce.agreement import EFFECT_MARGIN, SHARE_MARGIN
from gdbench.reproduce.mini import MiniReport
from gdbench.reproduce.report import TableReport

PAGE = "report.html"
HOW = (
    f"agrees: no difference above {100 * SHARE_MARGIN:g} points ({EFFECT_MARGIN:g} of an effect "
    "size) at 5 %, two one-sided tests; differs: Welch's t-test at 5 %, adjusted over the table "
    "(Holm); cannot tell: neither"
)


@dataclass(frozen=True)
class Section:
    """One table of the page."""

    title: str
    note: str
    plot: Markup | None
    parts: tuple[tuple[str, TextTable, tuple[str, ...]], ...]
    """Heading, table and notes of each row."""


def write_tables(path: Path, reports: Sequence[TableReport]) -> None:
    """Write the page of the paper's tables. Raises GdbenchError where it cannot be written."""
    sections = [
        Section(f"Table {r.name}: {r.title}", r.note, _plot(r), tuple(r.parts())) for r in reports
    ]
    title, about = "The paper's tables again", f"The authors' numbers and ours. {HOW}."
    write_page(path, _render(title, about, sections))


def write_findings(path: Path, report: MiniReport) -> None:
    """Write the page of the findings on the bundled models. Raises GdbenchError as above."""
    table = ("", report.table(), report.notes)
    sections = [Section("Findings", "", None, (table,))]
    about = "What the paper says of its models, asked of the bundled ones on drawn scenes."
    write_page(path, _render("The paper's findings on the bundled models", about, sections))


def _render(title: str, about: str, sections: Sequence[Section]) -> str:
    return single_page("reproduction.html", title=title, about=about, sections=sections)


def _plot(report: TableReport) -> Markup | None:
    """Every difference of a table with its interval; None where there is none."""
    lines: list[forest.Line] = []
    unit: Unit = SHARE
    for row in report.rows:
        known = [cell for cell in row.cells if cell.agreement is not None]
        if known:
            lines.append(forest.Line(row.label))
            unit = known[0].unit
        for cell in known:
            found = cell.agreement
            if found is not None:
                ends = Estimate(found.difference, found.low, found.high)
                name = f"{cell.task} {cell.figure.metric}"
                lines.append(forest.Line(name, "other", ends, found.verdict))
    if not lines:
        return None
    return forest.draw(
        lines,
        f"Differences of table {report.name}",
        reference=0.0,
        unit=unit,
        axis="effect size" if unit == EFFECT else "points",
        note="the same",
        difference=True,
    )
