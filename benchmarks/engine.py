"""How much faster the engine is than the 2023 release's loop: one table, and JSON beside it.

    python -m benchmarks.engine [--shrink 4|8|16] [--samples 10] [--repeats 3] [--json FILE]

Each scenario is run as pairs in one process: the release's loop, the engine, and the bare network
passes that the engine needs, one after the other; the ratio is the median over the pairs. Times
are wall seconds; CPU seconds of this process, which other programs disturb less, and the load of
the machine stand in the JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

from benchmarks.release_loop import ReleaseLoop
from benchmarks.scaled_model import SD_GFLOP, flops, scaled_sd_folder
from gdbench.data.images import MemoryImage
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.protocol import Item, Query


@dataclass
class Scenario:
    """Items, and what the release runs for them."""

    name: str
    target: float
    items: list[Item]
    release_runs: tuple[str, ...]  # "plain" or "normalised", one run of the release for each

    @property
    def engine_normalises(self) -> bool:
        """Whether one of the runs needs unconditional errors."""
        return "normalised" in self.release_runs


def picture(number: int) -> MemoryImage:
    """A drawing."""
    image = Image.new("RGB", (256, 256), (37 * number % 256, 91 * number % 256, 140))
    ImageDraw.Draw(image).ellipse(
        (20, 20, 60 + 9 * number % 150, 200), fill=(200, 60, number % 256)
    )
    return MemoryImage(image)


def scenarios(repeat: int) -> list[Scenario]:
    """The three situations of the benchmark's tasks, with new pictures in every repeat."""
    pictures = [picture(100 * repeat + n) for n in range(10)]
    pets = tuple(f"a photo of a breed {n}" for n in range(37))
    lists = [
        Item(f"i{n}", tuple(pictures), (f"a query number {n}",), Query.IMAGE_RETRIEVAL, (0,), "")
        for n in range(10)
    ]
    pairs = [
        Item(f"w{n}", tuple(pictures[2 * n : 2 * n + 2]), (f"cup {n} on mat", f"mat {n} on cup"),
             Query.MATCHING, (0, 1), "")
        for n in range(2)
    ]  # fmt: skip
    return [
        Scenario(
            "text retrieval, 1 image x 37 texts", 2.8,
            [Item("t", (pictures[0],), pets, Query.TEXT_RETRIEVAL, (0,), "")], ("plain",),
        ),
        Scenario("image retrieval, 10 images in 10 lists", 3.5, lists, ("normalised",)),
        Scenario(
            "Winoground 2 x 2, both directions", 4.2, pairs, ("plain", "normalised"),
        ),
    ]  # fmt: skip


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def run_release(loop: ReleaseLoop, scenario: Scenario) -> None:
    """All runs which the release needs for the scenario."""
    for kind in scenario.release_runs:
        for item in scenario.items:
            loop.matrix([i.open() for i in item.images], item.texts, normalise=kind == "normalised")


def bare_passes(model: DiffusionITM, n: int, size: int) -> None:
    """The same number of network samples, in batches of the same size, and nothing else."""
    channels, height, width = model.pipeline.latent_shape
    x = torch.randn(size, channels, height, width)
    when = torch.full((size,), 500)
    prompts = torch.randn(size, 77, model.pipeline.network.config.cross_attention_dim)
    with torch.inference_mode():
        for start in range(0, n, size):
            m = min(size, n - start)
            model.pipeline.network(x[:m], when[:m], prompts[:m])


def measure(folder: Path, scenario: Scenario, options: argparse.Namespace) -> dict[str, float]:
    """One paired run."""
    model = DiffusionITM.from_pretrained(
        folder, samples=options.samples, batch_size=options.batch_size,
        normalise=scenario.engine_normalises, compat="diffusion-itm-2023", compile=options.compile,
    )  # fmt: skip
    noise = torch.stack([model.noise.noise(k, t) for k, t in enumerate(model.timesteps)])
    loop = ReleaseLoop(model.pipeline, noise, model.timesteps)
    bare_passes(model, 1, 1)  # warm up
    release, release_wall = timed(lambda: run_release(loop, scenario))
    engine, engine_wall = timed(lambda: list(model.score_items(scenario.items)))
    needed = model.unet_evaluations
    bare, bare_wall = timed(lambda: bare_passes(model, needed, options.batch_size))
    pairs = sum(len(i.images) * len(i.texts) for i in scenario.items) * options.samples
    return {
        "release_seconds": release_wall, "engine_seconds": engine_wall, "bare_seconds": bare_wall,
        "release_cpu": release, "engine_cpu": engine, "bare_cpu": bare,
        "ratio": release_wall / engine_wall, "over_bare": engine_wall / bare_wall,
        "device_share": model.device_seconds / engine_wall,
        "release_unet": pairs * sum(1 + (r == "normalised") for r in scenario.release_runs),
        "release_vae": pairs * len(scenario.release_runs),
        "engine_unet": needed, "engine_padding": model.batcher.padding,
        "engine_vae": model.encoders.latents_made,
    }  # fmt: skip


def summary(name: str, target: float, runs: list[dict[str, float]], work: dict[str, int]) -> Any:
    """Medians of the runs, and the ratio of the work in floating-point operations."""
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}

    def gflop(who: str, unet: float, vae: float) -> float:
        return middle[f"{who}_unet"] * unet + middle[f"{who}_vae"] * vae

    return {
        "scenario": name,
        "target": target,
        "runs": runs,
        **middle,
        "work_ratio": gflop("release", work["unet"], work["vae"])
        / gflop("engine", work["unet"], work["vae"]),
        "work_ratio_sd": gflop("release", SD_GFLOP["unet"], SD_GFLOP["vae"])
        / gflop("engine", SD_GFLOP["unet"], SD_GFLOP["vae"]),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shrink", type=int, default=4, choices=(4, 8, 16))
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--only", type=int, action="append", help="0, 1 or 2: one scenario")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("engine-benchmark.json"))
    options = parser.parse_args()
    folder = scaled_sd_folder(options.shrink)
    work = flops(DiffusionITM.from_pretrained(folder, samples=1).pipeline)
    rows = []
    for number in options.only or (0, 1, 2):
        runs = []
        for repeat in range(options.repeats):
            scenario = scenarios(repeat)[number]
            runs.append(measure(folder, scenario, options))
        rows.append(summary(scenario.name, scenario.target, runs, work))
    table = Table(box=None, pad_edge=False, title_justify="left", title=(
        f"{options.repeats} paired runs, {options.samples} samples, batch {options.batch_size}, "
        f"{torch.get_num_threads()} thread(s), VAE/U-Net work {work['vae'] / work['unet']:.2f}"
    ))  # fmt: skip
    for column in ("scenario", "release s", "engine s", "ratio", "target", "over bare", "work"):
        table.add_column(column, justify="left" if column == "scenario" else "right")
    for row in rows:
        table.add_row(
            row["scenario"], f"{row['release_seconds']:.1f}", f"{row['engine_seconds']:.1f}",
            f"{row['ratio']:.2f}x", f"{row['target']:.1f}x", f"{row['over_bare']:.3f}",
            f"{row['work_ratio']:.2f}x",
        )  # fmt: skip
    Console(width=100).print(table)
    result = {
        "options": {k: str(v) for k, v in vars(options).items()},
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg(),
        "flop": work,
        "scenarios": rows,
    }
    options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
