"""`gdbench results`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from gdbench.cli import options as o
from gdbench.cli.summary import print_table
from gdbench.terminal import error, line, note


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("results")(run)


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A run, or a folder with runs in it.")
    ] = Path("runs"),
    form: Annotated[
        Literal["table", "md", "csv", "latex", "json"],
        typer.Option("--format", help="latex: for a paper, without times and folders."),
    ] = "table",
    as_json: o.JsonOption = False,
) -> None:
    """Past runs as a table: model, scores, budget, when, folder (exit code 1 if one is broken)."""
    from gdbench.api.runs import find_runs

    runs = find_runs(folder)
    if as_json or form == "json":
        typer.echo(json.dumps(runs.as_dicts(), indent=2))
    elif form == "table":
        if runs.results:
            print_table(runs.table())
    else:
        # a file format is not for the terminal: nothing in it is folded
        made = {
            "md": runs.wide_table().markdown,
            "csv": runs.wide_table().csv,
            "latex": runs.wide_table(paper=True).latex,
        }
        for text in made[form]().split("\n"):
            line(text)
    for place in runs.unfinished:
        note(f"{place}: no task has ended yet")
    if not runs.results and not runs.broken:
        note(f"{folder}: no finished run")
    for text in runs.broken:
        error(f"gdbench: {text}")
    if runs.broken:
        raise typer.Exit(1)
