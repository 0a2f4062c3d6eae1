"""`gdbench export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.terminal import line, note

_USES = {
    "model_id": {"every-eval-ever", "lm-eval"},
    "organization": {"every-eval-ever"},
    "relationship": {"every-eval-ever"},
    "dataset": {"hub-eval-results"},
    "source_url": {"hub-eval-results"},
}
"""Which formats use an option; any other format refuses it."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(run)


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run, or submissions/MODEL/REVISION.")
    ],
    to: Annotated[
        Literal["every-eval-ever", "hub-eval-results", "lm-eval", "csv"],
        typer.Option(help="Whose format."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write below.")] = Path("export"),
    root: o.RootOption = None,
    model_id: Annotated[
        str | None, typer.Option(help="OWNER/NAME, where the record does not say who made it.")
    ] = None,
    organization: Annotated[str | None, typer.Option(help="Who ran the evaluation.")] = None,
    relationship: Annotated[
        Literal["first_party", "third_party", "collaborative", "other"] | None,
        typer.Option(help="Of who ran it to the model."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Hub id of the benchmark, where a task has none.")
    ] = None,
    source_url: Annotated[str | None, typer.Option(help="Where the records are.")] = None,
) -> None:
    """A finished run in the format of Every Eval Ever, the hub, lm-eval, or as CSV."""
    from gdbench.interchange.exporting import export

    given = {
        "model_id": model_id, "organization": organization, "relationship": relationship,
        "dataset": dataset, "source_url": source_url,
    }  # fmt: skip
    for name, value in given.items():
        if value is not None and to not in _USES[name]:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag}: the format {to} does not use it; leave it out")
    written = export(
        folder, to, out, root=root, model=model_id, organization=organization or "unknown",
        relationship=relationship or "other", dataset=dataset, source_url=source_url,
    )  # fmt: skip
    for path in written:
        line(str(path))
    if to in {"every-eval-ever", "lm-eval"} and not any("samples" in p.name for p in written):
        note("without the items no answer can be judged: give --root for a line for each")
