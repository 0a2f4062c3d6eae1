"""`hardneg` as a command: the same under `gdbench finetune` and `accelerate launch`."""
# ruff: noqa: FBT002, PLR0917 - typer describes options as defaults; they are given by name

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from gdbench.terminal import line

Option = typer.Option


def hardneg(
    base: Annotated[str, Option(help="mini-sd, sd2.1, ..., a folder, or diffusion:OWNER/NAME.")],
    data: Annotated[
        Literal["coco", "mini", "mini2"],
        Option(help="coco (with --root), or drawn scenes of a version of the mini suite."),
    ],
    out: Annotated[Path, Option(help="Folder of the run; the same command goes on with it.")],
    negatives: Annotated[
        Literal["none", "random-text", "hard-text", "hard-image", "mixed"],
        Option(help="mixed: 50 % hard image, 25 % hard text, 25 % random text."),
    ] = "mixed",
    preset: Annotated[
        Literal["krojer2023"] | None,
        Option(help="The paper's settings: 8 epochs of steps of 112 examples, as it was released."),
    ] = None,
    steps: Annotated[int | None, Option(help="Optimiser steps (default 1000).", min=1)] = None,
    epochs: Annotated[int | None, Option(help="Times through the data instead.", min=1)] = None,
    batch_size: Annotated[int, Option(help="Examples at a time, each process.", min=1)] = 4,
    accumulation: Annotated[int, Option(help="Micro-batches to a step.", min=1)] = 1,
    learning_rate: Annotated[float, Option(help="Peak learning rate.")] = 1e-4,
    schedule: Annotated[
        Literal["constant", "linear", "cosine"], Option(help="After the warm-up.")
    ] = "constant",
    warmup: Annotated[int, Option(help="Steps of warm-up.", min=0)] = 0,
    rank: Annotated[int, Option(help="Rank of the LoRA.", min=1)] = 4,
    alpha: Annotated[float | None, Option(help="Its alpha; default: the rank.")] = None,
    attention: Annotated[
        Literal["all", "cross"], Option(help="LoRA on all attentions or cross-attention only.")
    ] = "all",
    bound: Annotated[float, Option(help="lambda of the loss.", min=0)] = 1.0,
    clip: Annotated[
        Literal["example", "batch"],
        Option(help="Bound each example, or the batch mean as in the 2023 release."),
    ] = "example",
    precision: Annotated[
        Literal["no", "fp16", "bf16"], Option(help="Mixed precision; no is float32.")
    ] = "no",
    gradient_checkpointing: Annotated[
        bool, Option("--gradient-checkpointing", help="Less memory, more time.")
    ] = False,
    weight_decay: Annotated[float, Option(help="Of AdamW.", min=0)] = 1e-2,
    max_grad_norm: Annotated[float, Option(help="Gradients are clipped to this norm.")] = 1.0,
    seed: Annotated[int, Option(help="Of everything random.", min=0)] = 0,
    checkpoint_every: Annotated[int, Option(help="Steps between checkpoints.", min=1)] = 100,
    validate_every: Annotated[
        int, Option(help="Steps between validations; 0: none, the last weights count.", min=0)
    ] = 500,
    validation_items: Annotated[
        int | None, Option(help="Held-out items each way (default 64).", min=1)
    ] = None,
    validation_samples: Annotated[
        int | None, Option(help="Timesteps for them (default 10).", min=1, max=980)
    ] = None,
    root: Annotated[Path | None, Option(help="Folder of COCO and NegCLIP's tables.")] = None,
    table: Annotated[Path | None, Option(help="NegCLIP's training table (TSV).")] = None,
    held_out_table: Annotated[Path | None, Option(help="Its table for validation.")] = None,
    scenes: Annotated[
        int | None, Option(help="Training scenes of mini and mini2 (default 20,000).", min=2)
    ] = None,
    allow_partial: Annotated[
        bool, Option("--allow-partial", help="Leave out rows of the table with problems.")
    ] = False,
    cache: Annotated[Path | None, Option(help="Cache of latents that outlives the run.")] = None,
    wandb: Annotated[str | None, Option(help="Log to this wandb project too.")] = None,
    cpu: Annotated[bool, Option("--cpu", help="Train on the CPU.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Fine-tune with hard negatives (LoRA); an interrupted run goes on where it stopped."""
    from gdbench.finetune.run import Length, Sources
    from gdbench.finetune.run import hardneg as train

    summary = train(
        Sources(base, data, root, table, held_out_table, scenes, allow_partial, cache),
        out,
        cpu=cpu,
        wandb_project=wandb,
        preset=preset, length=Length(steps, epochs),
        negatives=negatives, batch_size=batch_size, accumulation=accumulation,
        learning_rate=learning_rate, schedule=schedule, warmup=warmup, rank=rank, alpha=alpha,
        attention=attention, bound=bound, clip=clip, precision=precision,
        gradient_checkpointing=gradient_checkpointing, weight_decay=weight_decay,
        max_grad_norm=max_grad_norm, seed=seed, checkpoint_every=checkpoint_every,
        validate_every=validate_every, validation_items=validation_items,
        validation_samples=validation_samples,
    )  # fmt: skip
    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(summary)}, indent=2))
        return
    chosen = (
        f"best of the validations (step {summary.best_step}, score {summary.best_score:.3f})"
        if summary.best_step is not None and summary.best_score is not None
        else f"step {summary.steps}"
    )
    line(f"{out / summary.weights}: {chosen}; use it with --model {base} --lora {out}")
