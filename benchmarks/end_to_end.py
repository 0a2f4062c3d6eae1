"""A decision at 250 samples: the 2023 release's loop against the engine that stops when it is sure.

    python -m benchmarks.end_to_end [--model mini-sd] [--items 4] [--json FILE]

The same items of the mini suite go through both in one process, one kind after the other, with
cold caches. Printed are CPU seconds of this process (set OMP_NUM_THREADS=1), the ratio of network
work (floating-point operations of U-Net and VAE, padding included), the same work weighed as in
Stable Diffusion 2.1, and on how many items both decide alike; they share neither noise nor grid,
so a close item may differ.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.full_errors import items_of
from benchmarks.release_loop import BATCH_SIZES, ReleaseLoop
from benchmarks.scaled_model import SD_GFLOP, flops
from gdbench.models.diffusion_itm.schedule import NoiseBank2023, grid_timesteps
from gdbench.protocol import Item, Query

SAMPLES = 250


def chosen(kind: str, count: int) -> list[Item]:
    """The first items of a kind; of 37 candidates a quarter of that number, they take longest."""
    count = max(1, count // 4) if kind == "37-way" else count
    return list(itertools.islice(items_of(kind), count))


def release(loop: ReleaseLoop, items: list[Item]) -> list[Any]:
    """The release's scores at its default batch size: normalised where images are compared."""
    normalise = items[0].query is not Query.TEXT_RETRIEVAL
    return [*loop.matrices(items, normalise=normalise, batch_size=BATCH_SIZES[-1])]


def best(item: Item, scores: Any) -> object:
    """What is decided: the best candidate, or all comparisons of a 2 x 2 item."""
    if item.query is Query.MATCHING:
        return (np.sign(np.diff(scores, axis=0)).tolist(), np.sign(np.diff(scores)).tolist())
    return int(np.argmax(scores))


def passes(items: list[Item]) -> tuple[int, int]:
    """U-Net passes and VAE encodings that the release runs for items."""
    pairs = [len(i.images) * len(i.texts) for i in items]
    steps = len(grid_timesteps(SAMPLES))
    unet = sum(
        n * (1 if i.query is Query.TEXT_RETRIEVAL else 2) for n, i in zip(pairs, items, strict=True)
    )
    return steps * unet, steps * sum(pairs)


def measure(model_name: str, kind: str, count: int, delta: float) -> dict[str, Any]:
    """Both on the items of a kind."""
    from gdbench.models import load_model

    items = chosen(kind, count)
    model: Any = load_model(
        model_name, samples=SAMPLES, stop="sequential", delta=delta, stop_ranks=(1,), batch_size=64
    )
    steps = grid_timesteps(SAMPLES)
    bank = NoiseBank2023(model.pipeline.latent_shape, 0, len(steps))
    noise = torch.stack([bank.noise(k, t) for k, t in enumerate(steps)])
    loop = ReleaseLoop(model.pipeline, noise, steps)
    start = time.process_time()
    slow = release(loop, items)
    middle = time.process_time()
    fast = [scores.matrix for scores in model.score_items(items)]
    end = time.process_time()
    unet, vae = passes(items)
    work = flops(model.pipeline)

    def ratio(per_unet: float, per_vae: float) -> float:
        ours = model.unet_evaluations + model.batcher.padding
        spent: float = ours * per_unet + model.encoders.latents_made * per_vae
        return (unet * per_unet + vae * per_vae) / spent

    return {
        "kind": kind, "n": len(items), "release_seconds": middle - start,
        "engine_seconds": end - middle, "speedup": (middle - start) / (end - middle),
        "work_ratio": ratio(work["unet"], work["vae"]),
        "work_ratio_sd": ratio(SD_GFLOP["unet"], SD_GFLOP["vae"]),
        "same_decisions": sum(
            best(i, a) == best(i, b) for i, a, b in zip(items, slow, fast, strict=True)
        ),
        "release_unet": unet, "release_vae": vae, "engine_unet": model.unet_evaluations,
        "engine_padding": model.batcher.padding, "engine_vae": model.encoders.latents_made,
    }  # fmt: skip


def main() -> None:
    """Measure every kind, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--items", type=int, default=4)
    parser.add_argument("--delta", type=float, default=0.05)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kinds = ("2-way", "2 x 2", "10-way", "37-way")
    rows = [measure(options.model, kind, options.items, options.delta) for kind in kinds]
    shown = Table("kind", box=None)
    for name in ("n", "release s", "engine s", "speed", "work", "work as in SD", "decided alike"):
        shown.add_column(name, justify="right")
    for r in rows:
        shown.add_row(
            r["kind"], str(r["n"]), f"{r['release_seconds']:.1f}", f"{r['engine_seconds']:.2f}",
            f"{r['speedup']:.0f}x", f"{r['work_ratio']:.0f}x", f"{r['work_ratio_sd']:.0f}x",
            str(r["same_decisions"]),
        )  # fmt: skip
    Console(width=100).print(shown)
    if options.json:
        result = {
            "model": options.model, "delta": options.delta, "samples": SAMPLES,
            "threads": torch.get_num_threads(), "load_average": os.getloadavg(), "rows": rows,
        }  # fmt: skip
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
