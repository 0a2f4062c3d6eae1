"""`python -m gdbench.finetune.ablation`: five kinds of negatives, several seeds, one table.

Learning rate and bound are chosen first, on validation scenes. Every training run and every
evaluation goes on where it stopped, so the same command can be started again until it is done.
Numbers come from the score logs of this run and nowhere else.
"""
# ruff: noqa: PLR0917 - typer options are given by name

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from gdbench.errors import GdbenchError, InputError
from gdbench.evaluation import evaluate
from gdbench.finetune import table
from gdbench.finetune.effects import ABILITIES, effects
from gdbench.finetune.examples import NEGATIVES
from gdbench.finetune.run import Sources, base_folder
from gdbench.finetune.samples import PROMPTS, generate, grid
from gdbench.finetune.search import Choice, choose, train
from gdbench.metrics.measures import Sample
from gdbench.models.loading import load_model
from gdbench.progress import EvaluationBars, bars
from gdbench.store import write_atomically
from gdbench.tasks import select
from gdbench.tasks.base import Task
from gdbench.terminal import error, note

TASKS = ",".join(dict.fromkeys(n.split("/")[0] for names in ABILITIES.values() for n in names))


def _evaluate(
    sources: Sources, lora: Path | None, out: Path, tasks: list[Task], samples: int,
    limits: dict[str, int],
) -> None:  # fmt: skip
    note(f"evaluating {out.name if lora is None else lora}")
    model = load_model(
        sources.base,
        samples=samples,
        lora=None if lora is None else str(lora),
        cache_dir=sources.cache_dir,
    )
    with bars() as display:
        for task in tasks:
            evaluate(
                model, [task], out / task.name, suite=sources.data, limit=limits.get(task.name),
                progress=EvaluationBars(display),
            )  # fmt: skip


def _samples(run: Path, tasks: list[Task]) -> dict[str, Sample]:
    """Every metric of an evaluation: its tasks have a folder each, for each has a limit."""
    found: dict[str, Sample] = {}
    for task in tasks:
        found |= table.samples_of(run / task.name, [task])
    return found


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text!r}: expected numbers separated by commas") from None


def _limits(text: str, tasks: list[Task]) -> dict[str, int]:
    """Items of each sub-task by task, from `aro=60,clevr=90` or one number for all."""
    names = [task.name for task in tasks]
    if text.isdigit():
        text = ",".join(f"{name}={text}" for name in names)
    found = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.strip().partition("=")
        if name not in names or not number.isdigit() or int(number) == 0:
            raise InputError(f"--limit {text!r}: expected a number, or TASK=NUMBER of --tasks")
        found[name] = int(number)
    return found


def ablation(
    base: Annotated[str, typer.Option(help="Base model.")] = "mini-sd",
    suite: Annotated[
        Literal["mini2", "mini"], typer.Option(help="Suite of the scenes and of the items.")
    ] = "mini2",
    out: Annotated[Path, typer.Option(help="Folder for runs, table and samples.")] = Path(
        "ablation"
    ),
    kinds: Annotated[str, typer.Option(help="Kinds of negatives.")] = ",".join(NEGATIVES),
    seeds: Annotated[str, typer.Option(help="Seeds of the training.")] = "0,1,2",
    learning_rates: Annotated[
        str, typer.Option(help="Constant rates; of several, validation scenes choose one.")
    ] = "3e-4,1e-3,3e-3",
    bounds: Annotated[str, typer.Option(help="lambda of the loss, likewise.")] = "1,1.2",
    search_steps: Annotated[int, typer.Option(help="Steps of each run of it.", min=1)] = 100,
    search_items: Annotated[int, typer.Option(help="Validation items each way.", min=1)] = 100,
    steps: Annotated[int, typer.Option(help="Optimiser steps of each run.", min=1)] = 150,
    batch_size: Annotated[int, typer.Option(help="Examples to a step.", min=1)] = 16,
    rank: Annotated[int, typer.Option(help="Rank of the LoRA.", min=1)] = 4,
    scenes: Annotated[int, typer.Option(help="Training scenes.", min=2)] = 20_000,
    samples: Annotated[int, typer.Option(help="Timesteps for each pair.", min=1)] = 5,
    tasks: Annotated[str, typer.Option(help="Tasks of the suite.")] = TASKS,
    limit: Annotated[
        str, typer.Option(help="Items of each sub-task: a number, or aro=60,clevr=90.")
    ] = "",
    denoising_steps: Annotated[int, typer.Option(help="For the samples; 0: none.", min=0)] = 30,
    guidance: Annotated[float, typer.Option(help="For the samples.", min=0)] = 4.0,
    threads: Annotated[int, typer.Option(help="Of a CPU.", min=1)] = 1,
) -> None:
    """Choose, train, evaluate, and write table.md, table.json and samples.png; resumable."""
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    strangers = sorted(set(wanted) - set(NEGATIVES))
    if strangers or not wanted:
        raise InputError(f"--kinds {kinds!r}: expected some of {', '.join(NEGATIVES)}")
    if not all(seed.strip().isdigit() for seed in seeds.split(",")):
        raise InputError(f"--seeds {seeds!r}: expected whole numbers separated by commas")
    torch.set_num_threads(threads)
    name, folder = base_folder(base)
    chosen = select(tasks, suite)
    limits = _limits(limit, chosen)
    sources = Sources(base, suite, scenes=scenes, cache_dir=out / "cache")
    settings: dict[str, Any] = {"batch_size": batch_size, "rank": rank}
    choice = choose(
        sources,
        out / "search",
        rates=_numbers("--learning-rates", learning_rates),
        bounds=_numbers("--bounds", bounds),
        steps=search_steps,
        items=search_items,
        samples=samples,
        **settings,
    )
    settings |= {"learning_rate": choice.best.learning_rate, "bound": choice.best.bound}
    _evaluate(sources, None, out / "base", chosen, samples, limits)
    loras: dict[str, list[Path]] = {kind: [] for kind in wanted}
    for seed in map(int, seeds.split(",")):
        for kind in wanted:
            run = out / "runs" / kind / f"seed-{seed}"
            note(f"training {kind}, seed {seed}")
            train(sources, run, negatives=kind, seed=seed, steps=steps, **settings)
            _evaluate(sources, run, run / "evaluation", chosen, samples, limits)
            loras[kind].append(run)
    reference = _samples(out / "base", chosen)
    found = effects(
        reference,
        {
            kind: [_samples(run / "evaluation", chosen) for run in runs]
            for kind, runs in loras.items()
        },
    )
    how = (
        f"LoRA of rank {rank}, {steps} steps of {batch_size} examples, seeds {seeds}, suite "
        f"{suite}, {samples} timesteps"
        + (f", at most {limit} items of a sub-task. " if limit else ". ")
        + _chosen(choice, name)
    )
    _write(out / "table.md", table.markdown(name, reference, found, how))
    _write(out / "table.json", json.dumps(table.as_json(reference, found), indent=2))
    if denoising_steps:
        columns: dict[str, Any] = {name: None, **{kind: runs[0] for kind, runs in loras.items()}}
        made = {
            label: generate(folder, lora, PROMPTS, steps=denoising_steps, guidance=guidance)
            for label, lora in columns.items()
        }
        grid(made, PROMPTS).save(out / "samples.png")
    note(f"{out / 'table.md'}")


def _chosen(choice: Choice, name: str) -> str:
    best = choice.best
    given = f"Learning rate {best.learning_rate:g}, bound {best.bound:g}"
    if not choice.tried:
        return f"{given}."
    return (
        f"{given}: the best of {len(choice.tried)} runs of {choice.steps} steps on "
        f"{2 * choice.items} validation items ({100 * best.score:.1f} %; {name} "
        f"{100 * choice.base:.1f} %)."
    )


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
