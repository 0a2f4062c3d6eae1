"""`python -m gdbench.finetune.ablation`: five kinds of negatives, several seeds, one table.

Every training run and every evaluation goes on where it stopped, so the same command can be
started again until it is done. Numbers come from the score logs of this run and nowhere else.
"""
# ruff: noqa: PLR0917 - typer options are given by name

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gdbench.errors import GdbenchError, InputError
from gdbench.evaluation import evaluate
from gdbench.finetune import table
from gdbench.finetune.examples import NEGATIVES
from gdbench.finetune.run import Sources, base_folder, hardneg
from gdbench.finetune.samples import PROMPTS, generate, grid
from gdbench.models.loading import load_model
from gdbench.progress import EvaluationBars, bars
from gdbench.store import write_atomically
from gdbench.tasks import ABILITY, select
from gdbench.terminal import error, note

SUITE = "mini"


def _train(base: str, out: Path, kind: str, seed: int, settings: dict[str, Any]) -> Path:
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 # one process, many runs
    folder = out / "runs" / kind / f"seed-{seed}"
    note(f"training {kind}, seed {seed}")
    hardneg(Sources(base, "mini"), folder, negatives=kind, seed=seed, **settings)
    return folder


def _evaluate(
    base: str, lora: Path | None, out: Path, tasks: list[Any], samples: int, limit: int | None
) -> None:
    note(f"evaluating {out.name if lora is None else lora}")
    model = load_model(base, samples=samples, lora=None if lora is None else str(lora))
    with bars() as display:
        evaluate(model, tasks, out, suite=SUITE, limit=limit, progress=EvaluationBars(display))


def ablation(
    base: Annotated[str, typer.Option(help="Base model.")] = "mini-sd",
    out: Annotated[Path, typer.Option(help="Folder for runs, table and samples.")] = Path(
        "ablation"
    ),
    kinds: Annotated[str, typer.Option(help="Kinds of negatives.")] = ",".join(NEGATIVES),
    seeds: Annotated[str, typer.Option(help="Seeds of the training.")] = "0,1,2",
    steps: Annotated[int, typer.Option(help="Optimiser steps of each run.", min=1)] = 2000,
    batch_size: Annotated[int, typer.Option(help="Examples to a step.", min=1)] = 16,
    learning_rate: Annotated[float, typer.Option(help="Constant.", min=0)] = 1e-4,
    rank: Annotated[int, typer.Option(help="Rank of the LoRA.", min=1)] = 4,
    validate_every: Annotated[int, typer.Option(help="Steps; 0: last weights.", min=0)] = 500,
    samples: Annotated[int, typer.Option(help="Timesteps for each pair.", min=1)] = 50,
    tasks: Annotated[str, typer.Option(help="Tasks of the mini suite.")] = ",".join(ABILITY),
    limit: Annotated[int | None, typer.Option(help="Items of each sub-task.", min=1)] = None,
    denoising_steps: Annotated[int, typer.Option(help="For the samples; 0: none.", min=0)] = 30,
    guidance: Annotated[float, typer.Option(help="For the samples.", min=0)] = 4.0,
) -> None:
    """Train, evaluate, and write table.md, table.json and samples.png; resumable."""
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    strangers = sorted(set(wanted) - set(NEGATIVES))
    if strangers or not wanted:
        raise InputError(f"--kinds {kinds!r}: expected some of {', '.join(NEGATIVES)}")
    if not all(seed.strip().isdigit() for seed in seeds.split(",")):
        raise InputError(f"--seeds {seeds!r}: expected whole numbers separated by commas")
    numbers = [int(seed) for seed in seeds.split(",")]
    name, folder = base_folder(base)
    chosen = select(tasks, SUITE)
    settings = {
        "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "rank": rank,
        "validate_every": validate_every,
    }  # fmt: skip
    _evaluate(base, None, out / "base", chosen, samples, limit)
    loras: dict[str, list[Path]] = {}
    for kind in wanted:
        for seed in numbers:
            run = _train(base, out, kind, seed, settings)
            _evaluate(base, run, run / "evaluation", chosen, samples, limit)
            loras.setdefault(kind, []).append(run)
    reference = table.samples_of(out / "base", chosen)
    variants = {
        kind: [table.samples_of(run / "evaluation", chosen) for run in runs]
        for kind, runs in loras.items()
    }
    found = table.rows(reference, variants)
    how = (
        f"LoRA of rank {rank}, {steps} steps of {batch_size} examples, learning rate "
        f"{learning_rate:g}, seeds {seeds}; mini suite, {samples} timesteps"
        + (f", at most {limit} items of each sub-task." if limit else ".")
    )
    _write(out / "table.md", table.markdown(name, reference, found, how))
    _write(out / "table.json", json.dumps(table.as_json(reference, found), indent=2))
    if denoising_steps:
        columns = {name: None, **{kind: runs[0] for kind, runs in loras.items()}}
        made = {
            label: generate(folder, lora, PROMPTS, steps=denoising_steps, guidance=guidance)
            for label, lora in columns.items()
        }
        grid(made, PROMPTS).save(out / "samples.png")
    note(f"{out / 'table.md'}")


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode() + (b"" if text.endswith("\n") else b"\n"))


def main() -> None:
    """Entry point."""
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(ablation)
    try:
        app()
    except GdbenchError as problem:
        error(f"gdbench: {problem}")
        sys.exit(2)


if __name__ == "__main__":
    main()
