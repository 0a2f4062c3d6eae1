"""`gdbench stopping`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.terminal import Table, show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("stopping")(run)


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")],
    as_json: o.JsonOption = False,
) -> None:
    """What each item took: passes used, and how sure its decision is.

    "Kept" is the share of decisions, at least, that the stopping rule promises to be those of the
    full budget (docs/stopping.md).
    """
    from gdbench.metrics.margins import kept_share, margin
    from gdbench.submissions.finished import open_run

    found, kept = {}, {}
    for finished in open_run(folder):
        record, place = finished.record, finished.folder
        steps = record.settings.timesteps
        if steps is None:
            raise InputError(f"{place}: {record.model.name} does not average over timesteps")
        if any(scores.errors is None for scores in finished.scores):
            raise InputError(f"{place}: the log has no per-timestep errors")
        margins = [margin(scores, len(steps)) for scores in finished.scores]
        found[record.task.name] = margins
        rule, delta = record.settings.stop or "none", record.settings.delta or 0.0
        left = [one.last_left for one in margins]
        kept[record.task.name] = kept_share(left, len(steps), rule, delta)
    if as_json:
        typer.echo(json.dumps({k: [m.as_dict() for m in v] for k, v in found.items()}, indent=2))
        return
    table = Table()
    table.add_column("task")
    for name in ("items", "passes", "of", "saved", "undecided", "median margin", "kept"):
        table.add_column(name, justify="right")
    for task, margins in found.items():
        used, full = sum(m.passes for m in margins), sum(m.full_passes for m in margins)
        sure = [m.standard_errors for m in margins if m.standard_errors is not None]
        table.add_row(
            task,
            f"{len(margins):,}",
            f"{used:,}",
            f"{full:,}",
            f"{full / used:.1f}x",
            str(sum(s < 1 for s in sure)),
            f"{np.median(sure):.1f} s.e." if sure else "full budget",
            f"{100 * kept[task]:.1f} %",
        )
    show(table)
