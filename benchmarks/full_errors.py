"""All errors of mini items at the full budget: what stopping.py and variance.py read.

    python -m benchmarks.full_errors --model mini-sd --out DIR [--only 2-way] [--shard 0/2]

No candidate is dropped, no shortcut is taken, unless `--spare` is given: then a candidate leaves
where the bound of the stopping rule at a level of 1e-8, and not before 32 timesteps, says that it
is not the best. One file is written for each item, so that a run that was stopped goes on where
it was; shards are processes side by side. `--seed` draws other noise, and `--unsure-in DIR` leaves
out the items that DIR has decided by more than five standard errors: another seed cannot turn them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdbench.models.diffusion_itm import looks
from gdbench.protocol import Item, Query

SAMPLES = 250
TRAINING = "training"
SPARE_LEVEL, SPARE_LOOKS = 1e-8, (32, 64, 96, 128, 192)
SURE = 5.0  # standard errors of the closest comparison
KINDS = {  # kind -> (source, sub-task, how many of its items)
    "2-way": (
        *(("mini2/aro", sub, 25) for sub in ("vg_relation", "vg_attribution")),
        *(
            ("mini2/clevr", sub, 25)
            for sub in (
                "recognition_color", "recognition_shape", "pair_binding_size",
                "pair_binding_color", "spatial", "binding_color_shape", "binding_shape_color",
            )
        ),
        *(("mini2/svo", sub, 25) for sub in ("verb", "subj", "obj")),
    ),
    "10-way": (
        ("mini2/flickr30k", "image_retrieval", 75),
        ("mini2/flickr30k", "text_retrieval", 75),
        ("mini2/imagecode", "static", 75),
        ("mini2/imagecode", "video", 75),
    ),
    "37-way": (("mini/pets", "pets", 148),),  # mini2's pets are asked among ten
    "37-way held out": (("heldout", "pets", 152),),  # the suite's pets are fewer than 300
    "2 x 2": (("mini2/winoground", "winoground", 100),),
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
    from gdbench.mini import items
    from gdbench.mini.graded import items as graded
    from gdbench.mini.heldout import heldout

    suites: dict[str, Mapping[str, Callable[[], Iterator[Item]]]] = {
        "mini": items.TASKS,
        "mini2": graded.TASKS,
    }

    def some(source: str, sub: str, count: int) -> Iterable[Item]:
        if source == "heldout":
            return heldout(sub, count, seed=7)
        if source == "scenes":
            return map(training_item, range(count))
        suite, task = source.split("/")
        return itertools.islice((i for i in suites[suite][task]() if i.subtask == sub), count)

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


def is_sure(known: Known) -> bool:
    """Whether the best candidate is ahead of each that was not spared by `SURE` standard errors.

    The standard error is that of the mean of as many independent differences.
    """
    if known.query is Query.MATCHING:
        return False
    errors = known.errors if known.base is None else known.errors - known.base[:, None]
    whole = errors.reshape(-1, SAMPLES)
    whole = whole[np.isfinite(whole).all(axis=1)]
    if not len(whole):
        return True
    best = int(whole.mean(axis=1).argmin())
    behind = np.delete(whole - whole[best], best, axis=0)
    return bool(np.all(behind.mean(axis=1) > SURE * behind.std(axis=1, ddof=1) / SAMPLES**0.5))


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unsure-in", type=Path, help="only what is not sure there")
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
        options.model, samples=SAMPLES, seed=options.seed, batch_size=64, compile=options.compile,
        **stopping,
    )  # fmt: skip
    about = {
        "model": model.card.name, "weights_sha256": model.card.weights_sha256,
        "noise": model.settings.noise, "seed": options.seed,
    }  # fmt: skip
    (options.out / "model.json").write_text(json.dumps(about), encoding="utf-8")
    for kind in options.only or KINDS:
        chosen = list(itertools.islice(items_of(kind), options.at_most))[shard::shards]
        if options.unsure_in:
            sure = {k.id for k in read(options.unsure_in, kind) if is_sure(k)}
            chosen = [item for item in chosen if item.id not in sure]
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
