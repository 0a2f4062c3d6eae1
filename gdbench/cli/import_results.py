"""`gdbench import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbench.terminal import Table, line, note, show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import")(run)


def run(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON of CLIP_benchmark or MTEB.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("reported"),
    model: Annotated[
        str | None, typer.Option(help="Name of the model, where the files do not say it.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the numbers are published.")] = "",
) -> None:
    """Numbers of other programs as reported rows of a board: shown apart, never ranked."""
    from gdbench.errors import GdbenchError, InputError
    from gdbench.interchange.importing import read_reported
    from gdbench.store import write_atomically

    imported = read_reported(files, model, url)
    for text in imported.left_out:
        note(f"left out: {text}")
    if not imported.sources:
        raise GdbenchError("nothing was imported")
    table = Table("model", "task", "metric")
    table.add_column("value", justify="right")
    for name, source in imported.sources.items():
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(out / name, source.model_dump_json(indent=2).encode() + b"\n")
        except OSError as error:
            raise InputError(f"--out {out}: cannot be written ({error.strerror})") from error
        for row in source.figures:
            table.add_row(row.model, row.task, row.metric, f"{100 * row.value:.1f}")
    show(table)
    for name in imported.sources:
        line(str(out / name))
    note(f"on a board: gdbench leaderboard build --reported {out}")
