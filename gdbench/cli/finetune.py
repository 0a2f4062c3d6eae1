"""`gdbench lora convert` and `gdbench finetune hardneg`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.finetune.command import hardneg
from gdbench.terminal import line


def register(app: typer.Typer) -> None:
    """Add the groups of verbs."""
    lora = typer.Typer(help="LoRA files.", no_args_is_help=True)
    lora.callback()(_group)
    lora.command("convert")(convert)
    app.add_typer(lora, name="lora")
    finetune = typer.Typer(help="Fine-tuning.", no_args_is_help=True)
    finetune.callback()(_finetune)
    finetune.command("hardneg")(goes_on(hardneg))
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
