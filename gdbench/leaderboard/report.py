"""One run as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import load
from gdbench.leaderboard.gather.verified import verified
from gdbench.leaderboard.judge.reading import read
from gdbench.leaderboard.judge.report import report_of
from gdbench.leaderboard.judge.whole import build_board
from gdbench.leaderboard.judged.report import RunReport
from gdbench.leaderboard.show.render import write_page
from gdbench.leaderboard.show.report import render
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource


def judge(run: Path, source: ManifestSource | None = None) -> RunReport:
    """Read a run and judge it. Raises InputError where it is no run or its files are damaged."""
    entries = load(None, [run])
    logs = Logs()
    readings, _ = read(verified(entries, logs, source), logs, {e.file for e in entries})
    return report_of(build_board(entries, tasks_of(entries), readings))


def write_report(run: Path, out: Path | None = None, source: ManifestSource | None = None) -> Path:
    """Write the report of a run and return its path; the same run gives the same bytes.

    Args:
        run: a run directory with at least one finished task.
        out: the file; `report.html` in the run where it is not given.
        source: where the items of suites other than mini are.

    Raises:
        InputError: the folder is no run, or its files are damaged or not the record's.
        GdbenchError: the file cannot be written.
    """
    path = out or run / "report.html"
    write_page(path, render(judge(run, source)))
    return path
