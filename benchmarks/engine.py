"""How much faster the engine is than the 2023 release's loop: one table, and JSON beside it.

    python -m benchmarks.engine [--shrink 4|8|16] [--samples 10] [--repeats 3] [--json FILE]

Every scenario is run in rounds in one process: the release's loop at a batch of one and at its
default of four, the engine, and the bare network passes that the engine needs, one after the
other; ratios are medians over the rounds. Times are CPU seconds of this process, which other
programs disturb less (set OMP_NUM_THREADS=1); wall seconds and the load of the machine stand in
the JSON. Beside each ratio stands that of the work in floating-point operations of U-Net and VAE:
what the engine leaves out. The rest of a ratio is how well batches use the machine.
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

from benchmarks.release_loop import BATCH_SIZES, ReleaseLoop
from benchmarks.scaled_model import SD_GFLOP, flops, scaled_sd_folder
from gdbench.data.images import MemoryImage
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.protocol import Item, Query


@dataclass
class Scenario:
    """Items, and what the release runs for them."""

    name: str
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


def _lists(pictures: list[list[MemoryImage]]) -> list[Item]:
    return [
        Item(f"i{n}", tuple(ten), (f"a query number {n}",), Query.IMAGE_RETRIEVAL, (0,), "")
        for n, ten in enumerate(pictures)
    ]


def scenarios(repeat: int) -> list[Scenario]:
    """The situations of the tasks, four items each, with new pictures in every round."""
    pictures = [picture(100 * repeat + n) for n in range(40)]
    texts = tuple(f"a caption with number {n}" for n in range(10))
    captions = [
        Item(f"t{n}", (pictures[n],), texts, Query.TEXT_RETRIEVAL, (0,), "") for n in range(4)
    ]
    disjoint = _lists([pictures[10 * n : 10 * n + 10] for n in range(4)])
    shared = _lists([pictures[:10]] * 4)
    pairs = [
        Item(f"w{n}", tuple(pictures[2 * n : 2 * n + 2]), (f"cup {n} on mat", f"mat {n} on cup"),
             Query.MATCHING, (0, 1), "")
        for n in range(4)
    ]  # fmt: skip
    return [
        Scenario("text retrieval, 1 x 10", captions, ("plain",)),
        Scenario("image retrieval, lists of ten, disjoint", disjoint, ("normalised",)),
        Scenario("image retrieval, the same ten in all lists", shared, ("normalised",)),
        Scenario("Winoground, one normalised run", pairs, ("normalised",)),
        Scenario("Winoground, a plain and a normalised run", pairs, ("plain", "normalised")),
    ]


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def run_release(loop: ReleaseLoop, scenario: Scenario, batch_size: int) -> None:
    """All runs which the release needs for the scenario."""
    for kind in scenario.release_runs:
        loop.matrices(scenario.items, normalise=kind == "normalised", batch_size=batch_size)


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
    release = {size: timed(lambda: run_release(loop, scenario, size)) for size in BATCH_SIZES}  # noqa: B023 - called at once
    engine, engine_wall = timed(lambda: list(model.score_items(scenario.items)))
    needed = model.unet_evaluations
    bare, bare_wall = timed(lambda: bare_passes(model, needed, options.batch_size))
    pairs = sum(len(i.images) * len(i.texts) for i in scenario.items) * options.samples
    return {
        **{f"release_cpu_{size}": cpu for size, (cpu, _) in release.items()},
        **{f"release_seconds_{size}": wall for size, (_, wall) in release.items()},
        **{f"ratio_{size}": cpu / engine for size, (cpu, _) in release.items()},
        "engine_cpu": engine, "engine_seconds": engine_wall,
        "bare_cpu": bare, "bare_seconds": bare_wall, "over_bare": engine / bare,
        "device_share": model.device_seconds / engine_wall,
        "release_unet": pairs * sum(1 + (r == "normalised") for r in scenario.release_runs),
        "release_vae": pairs * len(scenario.release_runs),
        "engine_unet": needed, "engine_padding": model.batcher.padding,
        "engine_vae": model.encoders.latents_made,
    }  # fmt: skip


def summary(name: str, runs: list[dict[str, float]], work: dict[str, int]) -> dict[str, Any]:
    """Medians of the rounds, and the ratio of the work in floating-point operations."""
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}

    def gflop(who: str, unet: float, vae: float) -> float:
        return middle[f"{who}_unet"] * unet + middle[f"{who}_vae"] * vae

    return {
        "scenario": name,
        "runs": runs,
        **middle,
        "work_ratio": gflop("release", work["unet"], work["vae"])
        / gflop("engine", work["unet"], work["vae"]),
        "work_ratio_sd": gflop("release", SD_GFLOP["unet"], SD_GFLOP["vae"])
        / gflop("engine", SD_GFLOP["unet"], SD_GFLOP["vae"]),
    }


def shown(rows: list[dict[str, Any]], title: str) -> Table:
    """The table: medians, and of the ratios every round."""
    table = Table(box=None, pad_edge=False, title_justify="left", title=title)
    headers = ["scenario", *(f"release {size}" for size in BATCH_SIZES), "engine"]
    headers += [*(f"ratio {size}" for size in BATCH_SIZES), "work", "over bare"]
    for header in headers:
        table.add_column(header, justify="left" if header == "scenario" else "right")
    for row in rows:

        def every(key: str, runs: list[dict[str, float]] = row["runs"]) -> str:
            return " ".join(f"{run[key]:.2f}" for run in runs)

        table.add_row(
            row["scenario"], *(f"{row[f'release_cpu_{size}']:.1f}" for size in BATCH_SIZES),
            f"{row['engine_cpu']:.1f}",
            *(f"{row[f'ratio_{s}']:.2f} ({every(f'ratio_{s}')})" for s in BATCH_SIZES),
            f"{row['work_ratio']:.2f}", f"{row['over_bare']:.2f}",
        )  # fmt: skip
    return table


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shrink", type=int, default=8, choices=(4, 8, 16))
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--only", type=int, action="append", help="0 to 4: one scenario")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("engine-benchmark.json"))
    options = parser.parse_args()
    folder = scaled_sd_folder(options.shrink)
    work = flops(DiffusionITM.from_pretrained(folder, samples=1).pipeline)
    chosen = options.only or range(len(scenarios(0)))
    runs: dict[int, list[dict[str, float]]] = {number: [] for number in chosen}
    # rounds outside: a disturbance that lasts falls on all scenarios alike
    for repeat in range(options.repeats):
        for number in chosen:
            runs[number].append(measure(folder, scenarios(repeat)[number], options))
    rows = [summary(scenarios(0)[number].name, found, work) for number, found in runs.items()]
    title = (
        f"CPU seconds, {options.repeats} rounds, {options.samples} samples, engine's batch "
        f"{options.batch_size}, {torch.get_num_threads()} thread(s), VAE/U-Net work "
        f"{work['vae'] / work['unet']:.2f}"
    )
    Console(width=140).print(shown(rows, title))
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
