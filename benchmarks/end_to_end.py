"""A decision at 250 samples: the 2023 release's loop against the engine that stops when it is sure.

    python -m benchmarks.end_to_end [--model mini-sd] [--at-most 2] [--json FILE]

The same 40 items of the mini suite go through all in one process, one kind after the other, with
cold caches: the release at its default batch of four, then the engine with each stopping rule.
Printed are CPU seconds of this process (set OMP_NUM_THREADS=1), the ratio of network work
(floating-point operations of U-Net and VAE, padding included), the same work weighed as in Stable
Diffusion 2.1, and on how many items both decide alike; they share neither noise nor grid, so a
close item may differ.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.full_errors import items_of
from benchmarks.release_loop import BATCH_SIZES, ReleaseLoop
from benchmarks.replay import decision
from benchmarks.scaled_model import SD_GFLOP, flops
from gdbench.models.diffusion_itm.schedule import NoiseBank2023, grid_timesteps
from gdbench.protocol import Item, Query

SAMPLES = 250
ITEMS = {"2-way": 20, "2 x 2": 8, "10-way": 10, "37-way": 2}  # larger ones take longer
RULES = {"sequential": 0.05, "predictive": 0.2}  # with their delta


def release(loop: ReleaseLoop, items: list[Item]) -> list[Any]:
    """The release's scores at its default batch size: normalised where images are compared."""
    normalise = items[0].query is not Query.TEXT_RETRIEVAL
    return [*loop.matrices(items, normalise=normalise, batch_size=BATCH_SIZES[-1])]


def passes(items: list[Item]) -> tuple[int, int]:
    """U-Net passes and VAE encodings that the release runs for items."""
    pairs = [len(i.images) * len(i.texts) for i in items]
    steps = len(grid_timesteps(SAMPLES))
    unet = sum(
        n * (1 if i.query is Query.TEXT_RETRIEVAL else 2) for n, i in zip(pairs, items, strict=True)
    )
    return steps * unet, steps * sum(pairs)


def measure(model_name: str, kind: str, count: int) -> list[dict[str, Any]]:
    """The release and the engine with each rule, on the items of a kind."""
    from gdbench.models import load_model

    items = list(itertools.islice(items_of(kind), count))
    steps = grid_timesteps(SAMPLES)
    loaded: Any = load_model(model_name)
    pipeline = loaded.pipeline
    bank = NoiseBank2023(pipeline.latent_shape, 0, len(steps))
    noise = torch.stack([bank.noise(k, t) for k, t in enumerate(steps)])
    unet, vae = passes(items)
    work = flops(pipeline)
    start = time.process_time()
    slow = release(ReleaseLoop(pipeline, noise, steps), items)
    seconds = time.process_time() - start
    rows = []
    for rule, delta in RULES.items():
        model: Any = load_model(
            model_name, samples=SAMPLES, stop=rule, delta=delta, stop_ranks=(1,), batch_size=64
        )
        start = time.process_time()
        fast = [scores.matrix for scores in model.score_items(items)]
        own = time.process_time() - start
        ours = model.unet_evaluations + model.batcher.padding

        def ratio(per: Mapping[str, float], ours: int = ours, model: Any = model) -> float:
            spent: float = ours * per["unet"] + model.encoders.latents_made * per["vae"]
            return (unet * per["unet"] + vae * per["vae"]) / spent

        alike = [
            decision(i.query, a) == decision(i.query, b)
            for i, a, b in zip(items, slow, fast, strict=True)
        ]
        rows.append({
            "kind": kind, "rule": rule, "delta": delta, "n": len(items),
            "release_seconds": seconds, "engine_seconds": own, "speedup": seconds / own,
            "work_ratio": ratio(work), "work_ratio_sd": ratio(SD_GFLOP),
            "same_decisions": sum(alike),
            "release_unet": unet, "release_vae": vae, "engine_unet": model.unet_evaluations,
            "engine_padding": model.batcher.padding, "engine_vae": model.encoders.latents_made,
        })  # fmt: skip
    return rows


def summed(rows: list[dict[str, Any]], rule: str) -> dict[str, Any]:
    """All kinds together: seconds and items, of the ratios that of the seconds."""
    own = [row for row in rows if row["rule"] == rule]
    total = {
        key: sum(row[key] for row in own)
        for key in ("n", "release_seconds", "engine_seconds", "same_decisions")
    }
    return {"kind": "all", "rule": rule, **total,
            "speedup": total["release_seconds"] / total["engine_seconds"]}  # fmt: skip


def main() -> None:
    """Measure every kind, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--at-most", type=int, default=max(ITEMS.values()), help="of each kind")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [
        row
        for kind, count in ITEMS.items()
        for row in measure(options.model, kind, min(count, options.at_most))
    ]
    shown = Table("kind", "rule", box=None)
    for name in ("n", "release s", "engine s", "speed", "work", "work as in SD", "decided alike"):
        shown.add_column(name, justify="right")
    for r in [*rows, *(summed(rows, rule) for rule in RULES)]:
        shown.add_row(
            r["kind"], r["rule"], str(r["n"]), f"{r['release_seconds']:.1f}",
            f"{r['engine_seconds']:.2f}", f"{r['speedup']:.0f}x",
            f"{r['work_ratio']:.0f}x" if "work_ratio" in r else "",
            f"{r['work_ratio_sd']:.0f}x" if "work_ratio_sd" in r else "",
            str(r["same_decisions"]),
        )  # fmt: skip
    Console(width=100).print(shown)
    if options.json:
        result = {
            "model": options.model, "samples": SAMPLES, "threads": torch.get_num_threads(),
            "load_average": os.getloadavg(), "rows": rows,
        }  # fmt: skip
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
