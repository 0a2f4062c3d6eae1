"""From names and folders to a finished run: what the command line and the ablation call."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError

from gdbench.errors import GdbenchError, InputError
from gdbench.finetune.coco import HELD_OUT_TABLE, TRAIN_TABLE, NegCLIPTable, find_table
from gdbench.finetune.examples import TrainingData
from gdbench.finetune.graded import TRAIN_SEED, GradedExamples
from gdbench.finetune.scenes import SceneExamples
from gdbench.finetune.settings import (
    KROJER_2023,
    KROJER_2023_EPOCHS,
    KROJER_2023_STEP,
    HardNegSettings,
)
from gdbench.finetune.trainer import Summary, Trainer, claim, make_accelerator
from gdbench.finetune.validation import (
    Validation,
    coco_items,
    graded_items,
    held_out_task,
    mini_items,
)
from gdbench.memory import attempted, no_room_for_weights
from gdbench.models.diffusion_itm.families.sd import StableDiffusion
from gdbench.models.diffusion_itm.loading import find_folder, load_pipeline
from gdbench.models.kinds import ModelEntry
from gdbench.models.loading import resolve
from gdbench.protocol import Item
from gdbench.run import flag_of
from gdbench.run_lock import locked

_STEPS = 1000
_SCENES = 20_000
_DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Sources:
    """What a run reads: the base model and the training data."""

    base: str
    data: str  # "mini", "mini2" or "coco"
    root: Path | None = None  # folder of COCO
    table: Path | None = None  # NegCLIP's training table; None: looked for below `root`
    held_out_table: Path | None = None
    scenes: int | None = None  # training scenes of "mini" and "mini2"; None: 20,000
    allow_partial: bool = False
    cache_dir: Path | None = None


@dataclass(frozen=True)
class Length:
    """How long a run is: a number of optimiser steps, or of times through the data."""

    steps: int | None = None
    epochs: int | None = None

    def of(self, examples: int, step_size: int) -> int:
        """Optimiser steps. Raises InputError where both are given."""
        if self.steps is not None and self.epochs is not None:
            raise InputError("--steps and --epochs: give one of the two")
        if self.epochs is not None:
            return math.ceil(self.epochs * examples / step_size)
        return _STEPS if self.steps is None else self.steps


def _preset(
    name: str | None, length: Length, settings: dict[str, Any], processes: int
) -> tuple[Length, dict[str, Any]]:
    """The settings with those of a preset. Raises InputError where its step cannot be had."""
    if name is None:
        return length, settings
    together = settings.get("batch_size", 4) * processes
    own = KROJER_2023 | {"accumulation": KROJER_2023_STEP // together}
    for field, value in own.items():
        usual = HardNegSettings.model_fields[field].default
        if settings.get(field, usual) not in (usual, value):
            raise InputError(
                f"{flag_of(field)} {settings[field]}: --preset {name} has its own ({value}); "
                "leave one of the two out"
            )
    if KROJER_2023_STEP % together:
        raise InputError(
            f"--preset {name}: steps of {KROJER_2023_STEP} examples are no multiple of "
            f"{together} (--batch-size times {processes} processes); choose another --batch-size"
        )
    if length == Length():
        length = Length(epochs=KROJER_2023_EPOCHS)
    return length, settings | own


def base_folder(base: str) -> tuple[str, Path]:
    """Name and folder of a base model. Raises InputError unless it is a plain diffusion model."""
    entry = resolve(base)
    if not isinstance(entry, ModelEntry) or entry.kind != "diffusion-itm" or entry.lora is not None:
        raise InputError(
            f"--base {base}: expected a Stable Diffusion model without a LoRA, e.g. mini-sd, "
            "sd2.1, a folder or diffusion:OWNER/NAME"
        )
    if entry.local and not Path(entry.source).is_dir():
        raise InputError(f"--base {base}: its weights are not at {entry.source}")
    return entry.name, find_folder(entry.source, entry.revision, None)


def training_data(sources: Sources, settings: dict[str, Any]) -> TrainingData:
    """The examples to train on. Raises InputError or DataProblemsError."""
    _refuse_unused(sources)
    if sources.data == "mini":
        return SceneExamples(sources.scenes or _SCENES, seed=0)
    if sources.data == "mini2":
        return GradedExamples(sources.scenes or _SCENES, TRAIN_SEED)
    if sources.data != "coco":
        raise InputError(f"--data {sources.data}: expected coco, mini or mini2")
    root = _root(sources)
    return NegCLIPTable(
        sources.table or find_table(root, TRAIN_TABLE),
        root,
        settings.get("negatives", "mixed"),
        allow_partial=sources.allow_partial,
    )


def _refuse_unused(sources: Sources) -> None:
    """Raise InputError for what was given and is not read."""
    of_files = ("root", "table", "held_out_table", "allow_partial")
    unused = ("scenes",) if sources.data == "coco" else of_files
    for name in unused:
        if getattr(sources, name):
            flag = flag_of(name)
            raise InputError(f"{flag}: --data {sources.data} does not use it; leave it out")


def _root(sources: Sources) -> Path:
    if sources.root is None or not sources.root.is_dir():
        raise InputError(
            f"--data coco needs --root: the folder with train2014/, val2014/ and {TRAIN_TABLE}"
        )
    return sources.root


def held_out(sources: Sources, count: int) -> list[Item]:
    """`count` validation items of each direction, from scenes or pairs that are not trained on."""
    if sources.data == "mini":
        return list(mini_items(count))
    if sources.data == "mini2":
        return list(graded_items(count))
    root = _root(sources)
    table = sources.held_out_table or find_table(root, HELD_OUT_TABLE)
    return list(coco_items(NegCLIPTable(table, root, allow_partial=sources.allow_partial), count))


def _checked(**settings: Any) -> HardNegSettings:
    """The settings. Raises InputError naming the flag that is out of range."""
    try:
        return HardNegSettings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise InputError(f"{flag} {first['input']!r}: {first['msg'].lower()}") from None


def hardneg(
    sources: Sources,
    out: Path,
    *,
    preset: Literal["krojer2023"] | None = None,
    length: Length | None = None,
    cpu: bool = False,
    wandb_project: str | None = None,
    **settings: Any,
) -> Summary:
    """Train a LoRA with hard negatives, or go on with a run that was interrupted.

    Args:
        sources: base model and data.
        out: folder of the run; the result is `out/pytorch_lora_weights.safetensors`.
        preset: the paper's settings, over those that are given.
        length: of the run; default: 1000 steps, or as the preset has it.
        cpu: train on the CPU even where there is a GPU.
        wandb_project: also log to this wandb project.
        **settings: fields of `HardNegSettings`.

    Raises:
        GdbenchError: with one line (see `Trainer.run` and the loaders), or memory ran out.
    """
    name, folder = base_folder(sources.base)
    data = training_data(sources, settings)
    precision = settings.get("precision", "no")
    accelerator = make_accelerator(precision, cpu=cpu)
    pipeline = attempted(lambda: load_pipeline(folder, accelerator.device, _DTYPES[precision]))
    if pipeline is None:
        raise no_room_for_weights(name, ["--precision fp16"] if precision == "no" else [])
    if not isinstance(pipeline, StableDiffusion):
        raise InputError(
            f"{sources.base} is {pipeline.name}: fine-tuning is for Stable Diffusion 1.x and 2.x"
        )
    length, settings = _preset(preset, length or Length(), settings, accelerator.num_processes)
    settings = {n: v for n, v in settings.items() if v is not None}
    size = settings.get("batch_size", 4) * settings.get("accumulation", 1)
    if settings.get("steps") is None:
        settings["steps"] = length.of(len(data), size * accelerator.num_processes)
    chosen = _checked(
        base=name,
        base_sha256=pipeline.content.sha256,
        data=sources.data,
        data_sha256=data.fingerprint,
        processes=accelerator.num_processes,
        **settings,
    )
    validation = None
    given = [n for n in ("validation_items", "validation_samples") if n in settings]
    if given and not chosen.validate_every:
        raise InputError(f"{flag_of(given[0])}: --validate-every 0 makes none; leave it out")
    if chosen.validate_every:
        validation = Validation(
            held_out_task(held_out(sources, chosen.validation_items)),
            chosen.validation_samples,
            chosen.seed,
            f"{name}-hardneg"[:96],
        )
    if accelerator.is_main_process:
        claim(out, chosen)
    accelerator.wait_for_everyone()
    try:
        with locked(out) if accelerator.is_main_process else nullcontext():
            summary = attempted(
                lambda: Trainer(
                    accelerator,
                    pipeline,
                    data,
                    chosen,
                    out,
                    validation=validation,
                    wandb_project=wandb_project,
                    cache_dir=sources.cache_dir,
                ).run()
            )
    finally:
        accelerator.end_training()
    if summary is None:
        raise GdbenchError(
            f"out of memory on {accelerator.device} with {chosen.batch_size} examples at a time: "
            "take a smaller --batch-size and as much more --accumulation, "
            "--gradient-checkpointing or --precision fp16, with another --out"
        )
    return summary
