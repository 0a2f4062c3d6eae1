"""`gdbench lora convert`, `gdbench finetune hardneg` and `gdbench finetune kept`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.errors import InputError
from gdbench.finetune.command import hardneg
from gdbench.terminal import kept_for_the_answer, line, note


def register(app: typer.Typer) -> None:
    """Add the groups of verbs."""
    lora = typer.Typer(help="LoRA files.", no_args_is_help=True)
    lora.callback()(_group)
    lora.command("convert")(convert)
    app.add_typer(lora, name="lora")
    finetune = typer.Typer(help="Fine-tuning.", no_args_is_help=True)
    finetune.callback()(_finetune)
    finetune.command("hardneg")(goes_on(hardneg))
    finetune.command("kept")(kept)
    app.add_typer(finetune, name="finetune")


def _finetune() -> None:
    """Fine-tuning of diffusion models with hard negatives."""


def _group() -> None:
    """LoRA files of every format."""


def convert(
    source: Annotated[Path, typer.Argument(help="LoRA file or folder of any known format.")],
    target: Annotated[Path, typer.Argument(help="A .safetensors file, or a folder for it.")],
    half: Annotated[bool, typer.Option("--half", help="Round to float16.")] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Write a LoRA as safetensors in diffusers' format, the same matrices bit for bit."""
    from gdbench.models import lora_file

    read, written = lora_file.convert(source, target, half=half)
    ranks = sorted({pair.rank for pair in written.pairs.values()})
    summary = {
        "source": str(read.path),
        "format": read.format,
        "source_sha256": read.sha256,
        "target": str(written.path),
        "target_sha256": written.sha256,
        "n_tensors": 2 * len(written.pairs),
        "parameters": sum(p.down.numel() + p.up.numel() for p in written.pairs.values()),
        "ranks": ranks,
        "alphas": sorted({pair.alpha for pair in written.pairs.values()}),
    }
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    line(
        f"{written.path}: {summary['n_tensors']} tensors from {read.path} ({read.format}), "
        f"rank {', '.join(str(r) for r in ranks)}, sha256 {written.sha256}"
    )


def kept(
    base: Annotated[str, typer.Option(help="The model that was fine-tuned, or its folder.")],
    lora: Annotated[str, typer.Option(help="Its LoRA: a file, a run's folder, or release:NAME.")],
    out: Annotated[Path, typer.Option(help="Folder for the grid and the number.")],
    judge: Annotated[
        str, typer.Option(help="Scores each picture with its prompt; CLIP: CLIPScore / 2.5.")
    ] = "clip-vit-b32",
    prompts: Annotated[
        Path | None, typer.Option(help="Text file, a prompt a line; default: six drawn scenes.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of denoising.", min=1, max=1000)] = 30,
    guidance: Annotated[float, typer.Option(help="Classifier-free guidance.", min=0)] = 7.5,
    device: Annotated[str | None, typer.Option(help="Of the judge.")] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Does a fine-tuned model still generate? A grid and a score, before and after."""
    from gdbench.finetune.kept import GRID, generation_kept
    from gdbench.finetune.samples import PROMPTS

    lines = PROMPTS if prompts is None else _lines(prompts)
    with kept_for_the_answer():
        found = generation_kept(
            base, lora, judge, out, prompts=lines, steps=steps, guidance=guidance, device=device
        )
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    ends = "" if found.low is None else f" ({found.low:+.4f} to {found.high:+.4f})"
    line(
        f"{found.judge}, {found.n} prompts: {found.before:.4f} before, {found.after:.4f} after, "
        f"difference {found.difference:+.4f}{ends}"
    )
    note(f"pictures: {out / GRID}")


def _lines(path: Path) -> tuple[str, ...]:
    """The lines of a file that have words. Raises InputError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"--prompts {path}: not UTF-8") from error
    except OSError as error:
        raise InputError(f"--prompts {path}: cannot be read ({error.strerror})") from error
    # str.splitlines() ends a line at marks that stand within a prompt, too
    return tuple(stripped for row in text.split("\n") if (stripped := row.strip()))
