"""`gdbench match`: the score matrix of a user's own pictures and sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.protocol import ImageRef, Scores
from gdbench.terminal import Table, kept_for_the_answer, line, note, show

_LIKE_A_FLAG = re.compile(r"-[A-Za-z]|--[A-Za-z][A-Za-z0-9-]*")


class SeveralValues(TyperCommand):
    """Lets `--image` and `--text` take all values up to the next flag, as `--image *.png` does.

    A value may begin with a dash: the word after the flag always is one, and a later word is one
    where it is no flag of the command and does not look like a misspelt one.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the flag before each further value, joined to it by an equals sign."""
        flags = {flag for p in self.params for flag in (*p.opts, *p.secondary_opts)}
        flags.update(ctx.help_option_names)
        repeated: list[str] = []
        flag, values = "", 0
        for word in args:
            if flag and (values == 0 or not _is_flag(word, flags)):
                repeated.append(f"{flag}={word}")
                values += 1
                continue
            if flag and values == 0:
                repeated.append(flag)
            flag, values = (word, 0) if word in ("--image", "--text") else ("", 0)
            if not flag:
                repeated.append(word)
        if flag and values == 0:
            # the parser says what is missing
            repeated.append(flag)
        return super().parse_args(ctx, repeated)


def _is_flag(word: str, flags: set[str]) -> bool:
    """Whether a word is one of the flags, or looks like one that is misspelt: -x, --some-word."""
    name = word.partition("=")[0]
    return word == "--" or name in flags or _LIKE_A_FLAG.fullmatch(name) is not None


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("match", cls=SeveralValues)(run)


@o.generated(options=o.MODEL, release=o.COMPAT)
def run(
    options: dict[str, Any],
    release: dict[str, Any],
    image: Annotated[list[Path], typer.Option(help="A picture; repeat for more.")],
    text: Annotated[list[str], typer.Option(help="A sentence; repeat for more.")],
    as_json: o.JsonOption = False,
) -> None:
    """Score every picture against every sentence; higher is a better match."""
    from gdbench.api.match import score_pairs
    from gdbench.data.images import FileImage
    from gdbench.models import load_request
    from gdbench.models.own import own_model
    from gdbench.run import asked
    from gdbench.signature import signature

    for number, sentence in enumerate(text, 1):
        if not sentence.strip():
            raise InputError(f"--text number {number} is empty; expected a sentence")
    for path in image:  # before a model is loaded
        FileImage(path).open()
    # a model may change the working folder
    references = tuple(FileImage(path.absolute()) for path in image)
    request, where = asked(**options, **release)
    with kept_for_the_answer():
        loaded: Any = own_model(load_request(request, where))
    with kept_for_the_answer(), _progress(loaded, references, text):
        scores = score_pairs(loaded, references, text, where.item_timeout)
    settings = loaded.settings
    signed = signature(None, loaded.card, settings, loaded.content)
    if scores.truncated_texts:
        note(
            f"{scores.truncated_texts} of {len(text)} sentences were not read as they stand: too "
            "long, or with the tokenizer's special tokens"
        )
    if as_json:
        typer.echo(json.dumps(_as_json(scores, settings.timesteps, signed)))
        return
    _print_table(image, text, scores)
    line(signed)


@contextmanager
def _progress(model: Any, images: Sequence[ImageRef], texts: Sequence[str]) -> Iterator[None]:
    """A bar over the network's evaluations, for models that count them."""
    batcher = getattr(model, "batcher", None)
    if batcher is None:
        yield
        return
    pictures, sentences = len({image.sha256 for image in images}), len(set(texts))
    total = pictures * (sentences + 1) * len(batcher.timesteps)
    with o.item_progress() as bar:
        bar("match", 0, total)
        batcher.progress = lambda done: bar("match", done, total)
        try:
            yield
        finally:
            batcher.progress = None


def _as_json(scores: Scores, timesteps: tuple[int, ...] | None, signed: str) -> dict[str, Any]:
    base = scores.unconditional_errors
    return {
        "scores": scores.matrix.tolist(),
        "errors": None if scores.errors is None else scores.errors.tolist(),
        "unconditional_errors": None if base is None else base.tolist(),
        "timesteps": None if timesteps is None else list(timesteps),
        "signature": signed,
        "truncated_texts": scores.truncated_texts,
    }


def _print_table(images: list[Path], texts: list[str], scores: Scores) -> None:
    matrix = scores.matrix
    table = Table()
    table.add_column("image", overflow="fold", max_width=24)
    table.add_column("text", overflow="fold", max_width=32)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("best", no_wrap=True)
    for i, path in enumerate(images):
        for j, sentence in enumerate(texts):
            best = []
            if len(texts) > 1 and matrix[i, j] == matrix[i].max():
                best.append("text")
            if len(images) > 1 and matrix[i, j] == matrix[:, j].max():
                best.append("image")
            name = path.name if j == 0 else ""
            table.add_row(name, sentence, f"{matrix[i, j]:.4f}", ", ".join(best))
    show(table)
