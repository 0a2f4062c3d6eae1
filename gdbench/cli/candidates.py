"""`gdbench candidates`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gdbench.cli import options as o
from gdbench.run import Where
from gdbench.terminal import kept_for_the_answer, line, note


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("candidates")(run)


_OF_DATA = {n: f for n, f in o.DATA.items() if n not in ("ask", "candidates", "words", "name")}


@o.generated(options=o.fields(Where, "device", "batch_size"), own=_OF_DATA)
def run(
    options: dict[str, Any],
    own: dict[str, Any],
    data: Annotated[
        str, typer.Option("--data", help="Pictures and captions: a folder, a file, or a task.")
    ],
    by: Annotated[
        str, typer.Option("--by", help="The dual encoder that chooses, e.g. clip:RN50x64/openai.")
    ],
    top: Annotated[
        int, typer.Option("--top", help="Candidates, the right one among them.", min=2, max=1000)
    ] = 10,
    ask: Annotated[
        Literal["text", "image", "retrieval"],
        typer.Option("--ask", help="Captions of a picture, pictures of a caption, or both."),
    ] = "retrieval",
    suite: Annotated[str, typer.Option(help="Of a task.")] = "full",
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: candidates-DATA-MODEL.json here.")
    ] = None,
    root: o.RootOption = None,
) -> None:
    """Freeze the nearest candidates of each caption and picture, for `evaluate --data FILE`."""
    from gdbench.api.candidates import choose
    from gdbench.data.own.options import DataOptions
    from gdbench.models import load_request
    from gdbench.run import asked, validated

    chosen = validated(DataOptions, own)
    request, where = asked(by, **options)
    with kept_for_the_answer():
        encoder = load_request(request, where)
    path = out or Path(f"candidates-{Path(data).resolve().stem}-{encoder.card.name}.json")
    with kept_for_the_answer():
        found = choose(
            encoder, data, path, top=top, ask=ask, suite=suite, root=root, options=chosen
        )
    found.save(path)
    line(f"{path}: {len(found.image):,} captions, {len(found.text):,} pictures, {top} candidates")
    note(found.caution)
    note(f"next: gdbench evaluate --model M --data {path}")
