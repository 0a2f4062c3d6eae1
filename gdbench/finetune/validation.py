"""Held-out items for validation during training, scored by the same `evaluate()` as everything.

Both directions count the same: hard texts (one picture, two sentences) and hard images (one
sentence, two pictures). None of the items is in a task of the benchmark.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from gdbench.evaluation import Progress, evaluate
from gdbench.finetune.batches import hashed
from gdbench.finetune.coco import NegCLIPTable
from gdbench.finetune.graded import VALIDATION_SEED, GradedExamples
from gdbench.finetune.network import pairs_of
from gdbench.metrics.measures import Recall
from gdbench.mini.heldout import heldout
from gdbench.mini.seeding import stream
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.families.sd import StableDiffusion
from gdbench.models.lora_file import digest_pairs
from gdbench.protocol import Item, ModelCard, Query
from gdbench.records import Compat, LoRAInfo, ModelSettings, ResultRecord
from gdbench.run import Where
from gdbench.tasks.base import Task

SUITE = "held-out"
TEXT, IMAGE = "hard_text", "hard_image"
_MINI_KINDS = ("binding", "size_binding", "relation", "spatial")
_MINI_SEED = 1  # seed 0 belongs to the reports of the mini models' own training


@dataclass(frozen=True)
class HeldOut(Task):
    """A task whose items are given instead of read from a data tree."""

    given: tuple[Item, ...] = ()

    def items(
        self,
        suite: str = SUITE,
        root: Path | None = None,
        compat: Compat | None = None,
        *,
        allow_partial: bool = False,
    ) -> Iterator[Item]:
        """The given items, whatever the suite."""
        del suite, root, compat, allow_partial
        yield from self.given


def held_out_task(items: Iterable[Item]) -> HeldOut:
    """The task of these items; its score is the mean of both directions' accuracies."""
    given = tuple(items)
    return HeldOut(
        name="held_out",
        version="1",
        title="Held-out pairs",
        description="Hard texts and hard images that training does not see.",
        measures=(Recall(TEXT, (TEXT,)), Recall(IMAGE, (IMAGE,))),
        primary=(TEXT, IMAGE),
        sources={},
        expected={SUITE: {kind: sum(i.subtask == kind for i in given) for kind in (TEXT, IMAGE)}},
        kind="extra",
        given=given,
    )


def mini_items(count: int) -> Iterator[Item]:
    """`count` items of each direction from the mini benchmark's held-out pairs of scenes."""
    each = -(-count // len(_MINI_KINDS))
    pairs = [list(heldout(kind, each + each % 2, _MINI_SEED)) for kind in _MINI_KINDS]
    # interleaved, so that a small count still has every kind
    asked = [item for group in zip(*pairs, strict=True) for item in group][:count]
    partner = {}
    for items in pairs:
        for one, two in zip(items[::2], items[1::2], strict=True):
            partner[one.id], partner[two.id] = two, one
    for item in asked:
        yield Item(
            id=f"text-{item.id}",
            images=item.images,
            texts=item.texts,
            query=Query.TEXT_RETRIEVAL,
            gold=item.gold,
            subtask=TEXT,
            cluster=item.cluster,
        )
        yield Item(
            id=f"image-{item.id}",
            images=(item.images[0], partner[item.id].images[0]),
            texts=(item.texts[item.gold[0]],),
            query=Query.IMAGE_RETRIEVAL,
            gold=(0,),
            subtask=IMAGE,
            cluster=item.cluster,
        )


def graded_items(count: int, seed: int = VALIDATION_SEED) -> Iterator[Item]:
    """`count` items of each direction from scenes of version 2 that no training step sees."""
    data = GradedExamples(count, seed)
    for index in range(count):
        key, rng = data.key(index), stream("validation 2", seed, index)
        scene = data.scene(index)
        twisted, place = scene.twisted(rng), index % 2
        pictures = (scene.picture(key), twisted.picture(key))
        texts = (scene.text, scene.hard_text(rng))
        yield Item(
            id=f"text-{index}",
            images=pictures[:1],
            texts=texts[::-1] if place else texts,
            query=Query.TEXT_RETRIEVAL,
            gold=(place,),
            subtask=TEXT,
            cluster=str(index),
        )
        yield Item(
            id=f"image-{index}",
            images=pictures[::-1] if place else pictures,
            texts=texts[:1],
            query=Query.IMAGE_RETRIEVAL,
            gold=(place,),
            subtask=IMAGE,
            cluster=str(index),
        )


def coco_items(table: NegCLIPTable, count: int, seed: int = 0) -> Iterator[Item]:
    """`count` items of each direction from a held-out NegCLIP table, chosen by a seed."""
    order = random.Random(hashed("validation", seed)).sample(range(len(table)), len(table))
    for index in islice(order, count):
        row = table.row(index)
        rng = random.Random(hashed("validation", seed, index))
        near = rng.choice(table.near_images(row))
        shared = {"cluster": row.image_id or str(index), "gold": (0,)}
        yield Item(
            id=f"text-{index}",
            images=(row.image,),
            texts=(row.text, rng.choice(row.hard_texts)),
            query=Query.TEXT_RETRIEVAL,
            subtask=TEXT,
            **shared,  # type: ignore[arg-type] # two fields of Item
        )
        yield Item(
            id=f"image-{index}",
            images=(row.image, near),
            texts=(row.text,),
            query=Query.IMAGE_RETRIEVAL,
            subtask=IMAGE,
            **shared,  # type: ignore[arg-type] # two fields of Item
        )


@dataclass(frozen=True)
class Validation:
    """What is evaluated during training, and with how many timesteps."""

    task: HeldOut
    samples: int
    seed: int
    name: str  # of the model

    def run(
        self,
        pipeline: StableDiffusion,
        step: int,
        out: Path,
        device: torch.device,
        progress: Progress | None,
    ) -> ResultRecord:
        """The record of the model as it is after `step` steps."""
        pairs = pairs_of(pipeline.network)
        pipeline.network.eval()
        try:
            model = DiffusionITM(
                pipeline,
                ModelCard(
                    name=self.name,
                    revision=f"step-{step}",
                    family="diffusion-unet",
                    weights_sha256=pipeline.weights_sha256,
                ),
                ModelSettings(samples=self.samples, seed=self.seed),
                Where(device=str(device)),
                lora=LoRAInfo(sha256=digest_pairs(pairs), scale=1.0, n_tensors=2 * len(pairs)),
            )
            (record,) = evaluate(model, [self.task], out, suite=SUITE, progress=progress)
        finally:
            pipeline.network.train()
        return record
