"""`gdbench run plan.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.terminal import is_verbose, kept_for_the_answer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(goes_on(run))


def run(
    plan: Annotated[
        Path, typer.Argument(help="YAML with models, tasks, budgets (docs/own-data.md).")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate the cost of each run, and their sum.")
    ] = False,
    passes_per_second: Annotated[
        float | None,
        typer.Option(
            help="With --dry-run: the networks' speed, instead of measuring it.", min=1e-6
        ),
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", "-v", help="Also every metric, not only the scores.")
    ] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Run a matrix of models, tasks and budgets; what was done before is not done again."""
    from gdbench.api.plan import cells_of, read_plan
    from gdbench.cli.cells import estimate_cells, run_cells
    from gdbench.errors import InputError

    if passes_per_second is not None and not dry_run:
        raise InputError("--passes-per-second goes with --dry-run")
    with kept_for_the_answer():
        cells = cells_of(read_plan(plan), Path.cwd())
    if dry_run:
        estimate_cells(cells, rate=passes_per_second, as_json=as_json)
    else:
        run_cells(cells, metrics=metrics or is_verbose(), as_json=as_json)
