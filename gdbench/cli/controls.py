"""`gdbench controls`: the floor of the board in one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.cli.summary import print_records
from gdbench.errors import InputError
from gdbench.run import ModelRequest, flag_of
from gdbench.terminal import kept_for_the_answer, note


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("controls")(goes_on(run))


@o.generated(
    options={**o.SETTINGS, **o.WHERE, **o.fields(ModelRequest, "lora")}, conditions=o.CONDITIONS
)
def run(
    options: dict[str, Any],
    conditions: dict[str, Any],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also this model without pictures, without captions."),
    ] = None,
    tasks: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
    out: Annotated[
        Path, typer.Option(help="A run directory for each control is made in it.")
    ] = Path("runs"),
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Evaluate the controls: constant, random, and a model that sees one side only."""
    from gdbench.evaluation import evaluate
    from gdbench.models import load_request
    from gdbench.models.controls import KINDS
    from gdbench.models.own import own_model
    from gdbench.run import Conditions, asked, validated
    from gdbench.run_folder import default_folder
    from gdbench.tasks import select

    asked_conditions = validated(Conditions, conditions)
    chosen = select(tasks, asked_conditions.suite)
    requests = [asked(name, seed=options.get("seed", 0)) for name in ("constant", "random")]
    if model is not None:
        requests += [
            asked(f"control:{kind}:{model}", compat=asked_conditions.compat, **options)
            for kind in KINDS
        ]
    elif unused := sorted(options.keys() - {"seed"}):
        raise InputError(f"{flag_of(unused[0])}: is for --model, and there is none")
    records = []
    # a model may change the working folder
    here = Path.cwd()
    root = None if root is None else here / root
    for request, where in requests:
        with kept_for_the_answer():
            loaded = own_model(load_request(request, where))
        folder = out / default_folder(loaded.card, request, asked_conditions)
        note(f"{loaded.card.name}: {folder}")
        with kept_for_the_answer(), o.item_progress() as progress:
            records += evaluate(
                loaded, chosen, here / folder, asked_conditions, root=root, request=request,
                progress=progress, item_timeout=where.item_timeout,
            )  # fmt: skip
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
    else:
        print_records(records)
