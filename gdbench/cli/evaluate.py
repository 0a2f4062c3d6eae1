"""`gdbench evaluate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.errors import InputError
from gdbench.run import Conditions, ModelRequest, Spread
from gdbench.terminal import is_verbose, kept_for_the_answer

_MODEL = ModelRequest.model_fields["model"]
_OPTIONS = {name: field for name, field in o.MODEL.items() if name != "model"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(goes_on(run))


@o.generated(options=_OPTIONS, conditions=o.CONDITIONS, spread=o.SPREAD, own=o.DATA)
def run(
    options: dict[str, Any],
    conditions: dict[str, Any],
    spread: dict[str, Any],
    own: dict[str, Any],
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", help=f"{_MODEL.description} Several: one --model for each."),
    ],
    tasks: Annotated[
        str | None,
        typer.Option(
            help="Names separated by commas, file.py:TASK, package.module:TASK, or all (the "
            "default without --data)."
        ),
    ] = None,
    data: o.DataOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Run directory; continued, or extended, if it exists. Of several models: the "
            "folder for their run directories."
        ),
    ] = None,
    root: o.RootOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Evaluate what is whole of damaged data.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only estimate the cost; needs neither the weights nor the data."
        ),
    ] = False,
    passes_per_second: Annotated[
        float | None,
        typer.Option(
            help="With --dry-run: the network's speed, instead of measuring it.", min=1e-6
        ),
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", "-v", help="Also every metric, not only the scores.")
    ] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Evaluate models on tasks and write records and score logs to a run directory each."""
    from gdbench.api.cells import Cell, distinct
    from gdbench.api.tasks import tasks_of
    from gdbench.cli.cells import estimate_cells, run_cells
    from gdbench.models.loading import release_mode
    from gdbench.run import asked, validated

    _refuse_torchrun()
    asked_conditions, asked_spread = validated(Conditions, conditions), validated(Spread, spread)
    requests = [
        asked(name, **options, compat=release_mode(name, asked_conditions.compat)) for name in model
    ]
    # a model may change the working folder
    here = Path.cwd()
    if passes_per_second is not None and not dry_run:
        raise InputError("--passes-per-second goes with --dry-run")
    with kept_for_the_answer():
        chosen = tasks_of(
            tasks, asked_conditions.suite, data, own, root=root, allow_partial=allow_partial
        )
    cells = distinct(
        Cell(
            request, where, asked_spread, asked_conditions, tuple(chosen), here,
            out if out is None or len(model) == 1 else None,
            out if out is not None and len(model) > 1 else Path("runs"),
            None if root is None else here / root, allow_partial,
        )
        for request, where in requests
    )  # fmt: skip
    if dry_run:
        estimate_cells(cells, rate=passes_per_second, as_json=as_json)
    else:
        run_cells(cells, metrics=metrics or is_verbose(), as_json=as_json)


def _refuse_torchrun() -> None:
    """Raise InputError where torchrun has started several of this command on one run."""
    size = os.environ.get("WORLD_SIZE", "1")
    if size.isdecimal() and int(size) > 1 and "LOCAL_RANK" in os.environ:
        raise InputError(
            f"torchrun started {size} of these, and gdbench is no collective program: start it "
            "once with --devices all or --engine ray, or each with its own --shard i/n and --out"
        )
