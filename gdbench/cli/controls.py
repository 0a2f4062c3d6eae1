"""`gdbench controls`: the floor of the board in one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.evaluate import print_records
from gdbench.cli.interruption import goes_on
from gdbench.terminal import note


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("controls")(goes_on(run))


def run(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also this model without pictures, without captions."),
    ] = None,
    tasks: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
    suite: Annotated[str, typer.Option(help="full, mini, or a task's variant.")] = "full",
    out: Annotated[
        Path, typer.Option(help="A run directory for each control is made in it.")
    ] = Path("runs"),
    samples: o.SamplesOption = 50,
    limit: Annotated[
        int | None, typer.Option(help="At most so many items of each sub-task.", min=1)
    ] = None,
    root: o.RootOption = None,
    seed: o.SeedOption = 0,
    as_json: o.JsonOption = False,
) -> None:
    """Evaluate the controls: constant, random, and a model that sees one side only."""
    from gdbench.evaluation import evaluate
    from gdbench.models import LoadOptions, load_model
    from gdbench.models.controls import KINDS
    from gdbench.tasks import select

    specs = ["constant", "random"]
    if model is not None:
        specs += [f"control:{kind}:{model}" for kind in KINDS]
    chosen = select(tasks, suite)
    records = []
    for spec in specs:
        loaded = load_model(spec, LoadOptions(seed=seed, samples=samples))
        folder = out / f"{loaded.card.name}-{suite}"
        note(f"{loaded.card.name}: {folder}")
        with o.item_progress() as progress:
            records += evaluate(
                loaded, chosen, folder, suite=suite, root=root, limit=limit, progress=progress
            )
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
    else:
        print_records(records)
