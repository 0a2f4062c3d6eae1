"""`gdbench refresh`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.terminal import line


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("refresh")(run)


def run(
    folder: Annotated[Path, typer.Argument(help="submissions, or a folder inside it, or a run.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change and write nothing.")
    ] = False,
    root: o.RootOption = None,
) -> None:
    """Make the metrics of records again from their scores, which stay; exit code 1 if refused."""
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.refresh import refresh

    results = refresh(folder, ManifestSource(root), write=not dry_run)
    for result in results:
        line(f"{result.path}: {result.refused or '; '.join(result.changes()) or 'digits'}")
    refused = sum(bool(r.refused) for r in results)
    word = "would change" if dry_run else "changed"
    line(f"{len(results) - refused} records {word}, {refused} were left as they are")
    if refused:
        raise typer.Exit(1)
