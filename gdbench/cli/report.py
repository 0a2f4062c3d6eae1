"""`gdbench report`: one run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.audit import folder_of
from gdbench.terminal import line


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report")(report)


def report(
    run: Annotated[Path, typer.Argument(help="Run directory.", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option(help="File to write [default: RUN/report.html].")
    ] = None,
    root: o.RootOption = None,
    manifests: Annotated[Path | None, typer.Option(help="Folder of pinned manifests.")] = None,
) -> None:
    """Write one HTML file about a run: scores, cost, curves, hardest items, settings."""
    from gdbench.leaderboard.report import write_report
    from gdbench.submissions.manifest import ManifestSource

    source = ManifestSource(folder_of("--root", root), folder_of("--manifests", manifests))
    line(str(write_report(run, out, source)))
