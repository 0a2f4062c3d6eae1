"""`gdbench evaluate`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.cli.dry_run import dry_run as forecast
from gdbench.cli.dry_run import sizes_of
from gdbench.cli.interruption import goes_on
from gdbench.cli.summary import print_run
from gdbench.errors import InputError
from gdbench.run import Conditions, Spread
from gdbench.terminal import is_verbose, kept_for_the_answer, note


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(goes_on(run))


@o.generated(options=o.MODEL, conditions=o.CONDITIONS, spread=o.SPREAD)
def run(
    options: dict[str, Any],
    conditions: dict[str, Any],
    spread: dict[str, Any],
    tasks: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
    out: Annotated[
        Path | None, typer.Option(help="Run directory; continued, or extended, if it exists.")
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
    """Evaluate a model on tasks and write records and score logs to a run directory."""
    from gdbench.engines import opened
    from gdbench.evaluation import evaluate
    from gdbench.models.loading import release_mode
    from gdbench.run import asked, validated
    from gdbench.run_folder import default_folder
    from gdbench.tasks import select

    _refuse_torchrun()
    asked_conditions, asked_spread = validated(Conditions, conditions), validated(Spread, spread)
    compat = release_mode(options["model"], asked_conditions.compat)
    request, where = asked(**options, compat=compat)
    chosen = select(tasks, asked_conditions.suite)
    # a model may change the working folder
    here = Path.cwd()
    root = None if root is None else here / root
    if dry_run:
        sizes = sizes_of(chosen, asked_conditions, root, allow_partial=allow_partial)
        forecast(request, where, sizes, rate=passes_per_second, as_json=as_json)
        return
    if passes_per_second is not None:
        raise InputError("--passes-per-second goes with --dry-run")
    with (
        kept_for_the_answer(),
        opened(request, where, asked_spread) as engine,
        o.item_progress() as progress,
    ):
        folder = out or Path("runs") / default_folder(
            engine.subject.card, request, asked_conditions, asked_spread.shard
        )
        records = evaluate(
            engine, chosen, here / folder, asked_conditions, root=root,
            allow_partial=allow_partial, request=request, shard=asked_spread.shard,
            progress=progress,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
        return
    if asked_spread.shard is not None:
        note(f"Shard {asked_spread.shard}: {folder}; join all shards with gdbench merge")
        return
    print_run(records, folder, metrics=metrics or is_verbose())


def _refuse_torchrun() -> None:
    """Raise InputError where torchrun has started several of this command on one run."""
    size = os.environ.get("WORLD_SIZE", "1")
    if size.isdecimal() and int(size) > 1 and "LOCAL_RANK" in os.environ:
        raise InputError(
            f"torchrun started {size} of these, and gdbench is no collective program: start it "
            "once with --engine ray, or each with its own --shard i/n and --out"
        )
