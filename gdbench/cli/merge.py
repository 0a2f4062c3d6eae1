"""`gdbench merge`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.summary import print_run


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("merge")(run)


def run(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run directories of all shards.")
    ],
    out: Annotated[Path, typer.Option(help="Run directory to write; it must not be there yet.")],
    root: o.RootOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="As the shards were evaluated.")
    ] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Join the shards of a run (`evaluate --shard i/n`) to one run directory."""
    from gdbench.merging import merge

    records = merge(runs, out, root=root, allow_partial=allow_partial)
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
        return
    print_run(records, out)
