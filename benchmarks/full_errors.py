"""All errors of mini items at the full budget: what stopping.py and variance.py read.

    python -m benchmarks.full_errors --model mini-sd --out DIR [--only 2-way] [--shard 0/2]

No candidate is dropped, no shortcut is taken, unless `--spare` is given: then a candidate leaves
where the bound of the stopping rule at a level of 1e-8, and not before 64 timesteps, says that it
is not the best. One file is written for each item, so that a run that was stopped goes on where
it was; shards are processes side by side.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdbench.models.diffusion_itm import looks
from gdbench.protocol import Item, Query

SAMPLES = 250
TRAINING = "training"
SPARE_LEVEL, SPARE_LOOKS = 1e-8, (64, 96, 128, 192)
KINDS = {  # kind -> (task of the mini suite, sub-task, how many of its items)
    "2-way": (
        *(("aro", sub, 30) for sub in ("vg_relation", "vg_attribution")),
        *(
            ("clevr", sub, 30)
            for sub in (
                "recognition_color", "recognition_shape", "pair_binding_size",
                "pair_binding_color", "spatial", "binding_color_shape", "binding_shape_color",
            )
        ),
        *(("svo", sub, 30) for sub in ("verb", "subj", "obj")),
    ),
    "10-way": (
        ("flickr30k", "image_retrieval", 100),
        ("flickr30k", "text_retrieval", 100),
        ("imagecode", "static", 100),
    ),
    "37-way": (("pets", "pets", 148),),
    "37-way held out": (("heldout", "pets", 152),),  # the suite's pets are fewer than 300
    "2 x 2": (("winoground", "winoground", 100),),
    TRAINING: (("scenes", "hard-text", 200),),  # weights may be learned on these, and no others
}  # fmt: skip


class Known(NamedTuple):
    """The errors of one item."""

    id: str
    query: Query
    errors: NDArray[np.float64]  # (n_images, n_texts, SAMPLES), NaN where it was spared
    base: NDArray[np.float64] | None  # (n_images, SAMPLES), None where no image is compared
    images: tuple[str, ...]  # hashes: the same image's unconditional errors are the same


def items_of(kind: str) -> Iterator[Item]:
    """The items of a kind, its sub-tasks in turn."""
    from gdbench.mini.heldout import heldout
    from gdbench.mini.items import TASKS

    def some(task: str, sub: str, count: int) -> Iterable[Item]:
        if task == "heldout":
            return heldout(sub, count, seed=7)
        if task == "scenes":
            return map(training_item, range(count))
        return itertools.islice((i for i in TASKS[task]() if i.subtask == sub), count)

    sources = [some(*which) for which in KINDS[kind]]
    for round_ in itertools.zip_longest(*sources):
        yield from (item for item in round_ if item is not None)


def training_item(number: int) -> Item:
    """A scene of the kind that is trained on, its sentence, and a hard negative."""
    from gdbench.finetune.scenes import SceneExamples

    rng = random.Random(number)
    example = SceneExamples(seed=1).example(number, "hard-text", rng)
    texts = (example.text, example.negative_text)
    return Item(f"scene-{number}", (example.image,), texts, Query.TEXT_RETRIEVAL, (0,), "scenes")


def place(folder: Path, kind: str, item: Item) -> Path:
    """Where the errors of an item are kept."""
    name = "".join(c if c.isalnum() else "-" for c in item.id)
    return folder / f"{kind.replace(' ', '')}_{item.images[0].sha256[:8]}_{name}.npz"


def read(folder: Path, kind: str) -> list[Known]:
    """All items of a kind that have been computed, sorted by file name."""
    found = []
    for path in sorted(folder.glob(f"{kind.replace(' ', '')}_*.npz")):
        with np.load(path, allow_pickle=False) as data:
            base = data["base"].astype(np.float64) if "base" in data else None
            found.append(
                Known(
                    str(data["id"]), Query(str(data["query"])), data["errors"].astype(np.float64),
                    base, tuple(map(str, data["images"])),
                )
            )  # fmt: skip
    return found


def main() -> None:
    """Score what is missing."""
    from gdbench.models import load_model

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=list(KINDS))
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--at-most", type=int, help="items of each kind")
    parser.add_argument("--spare", action="store_true", help="drop what is surely not the best")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    shard, shards = map(int, options.shard.split("/"))
    if options.spare:
        looks.LOOKS = SPARE_LOOKS
    options.out.mkdir(parents=True, exist_ok=True)
    stopping: dict[str, Any] = (
        {"stop": "sequential", "stop_ranks": (1,), "delta": SPARE_LEVEL} if options.spare else {}
    )
    model: Any = load_model(
        options.model, samples=SAMPLES, batch_size=64, compile=options.compile, **stopping
    )
    about = {
        "model": model.card.name, "weights_sha256": model.card.weights_sha256,
        "noise": model.settings.noise,
    }  # fmt: skip
    (options.out / "model.json").write_text(json.dumps(about), encoding="utf-8")
    for kind in options.only or KINDS:
        chosen = list(itertools.islice(items_of(kind), options.at_most))[shard::shards]
        missing = [item for item in chosen if not place(options.out, kind, item).exists()]
        start, before = time.monotonic(), model.unet_evaluations
        for n, (item, scores) in enumerate(
            zip(missing, model.score_items(missing), strict=True), 1
        ):
            save(place(options.out, kind, item), item, scores)
            speed = (model.unet_evaluations - before) / (time.monotonic() - start)
            if n % 10 == 0:
                print(kind, f"{n}/{len(missing)} items, {speed:.0f} passes/s", flush=True)


def save(path: Path, item: Item, scores: Any) -> None:
    """Write the errors of one item."""
    arrays = {
        "id": np.array(item.id),
        "query": np.array(item.query.value),
        "errors": scores.errors,
        "images": np.array([image.sha256 for image in item.images]),
    }
    if scores.unconditional_errors is not None:
        arrays["base"] = scores.unconditional_errors
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    part.replace(path)


if __name__ == "__main__":
    main()
