"""Is the stated Monte-Carlo error that of repeated runs? Real models, new noise for every seed.

    python -m benchmarks.noise_error --out DIR [--model mini-sd] [--seeds 32] [--first-seed 0]
                                     [--samples 50]
                                     [--noise antithetic] [--suite mini] [--items svo:verb:20 …]

Errors are collected once for each seed at the largest budget; smaller budgets are prefixes of it.
Printed: for every metric the true error (standard deviation over seeds), and the root mean square
of the stated one over it; last, over the metrics of all models together. Files that are there are
not made again, so a run that was stopped goes on, and `--seeds 0` only reads.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.measures import EffectSize, members, sample
from gdbench.metrics.montecarlo import noise_errors
from gdbench.protocol import Item
from gdbench.records import ModelSettings
from gdbench.tasks import TASKS

BUDGETS = (10, 20, 50)
_NO_SPREAD = 1e-9  # rounding only
DEFAULT_ITEMS = ("winoground::20", "aro:vg_relation:25", "svo:verb:20")


def chosen(which: str, suite: str) -> tuple[str, list[Item]]:
    """Task and items of `task:sub-task:count`, evenly over the sub-task, so over its levels too."""
    task, sub, count = which.split(":")
    found = [i for i in TASKS.get(task).items(suite) if sub in ("", i.subtask)]
    places = np.linspace(0, len(found) - 1, min(int(count), len(found))).round().astype(int)
    return task, [found[k] for k in places]


def collect(
    path: Path, items: list[Item], options: argparse.Namespace, model: str, seed: int
) -> None:
    """Write the errors of one seed."""
    from gdbench.models import load_model

    loaded: Any = load_model(
        model, samples=options.samples, batch_size=64, noise=options.noise, seed=seed
    )
    arrays = {"timesteps": np.array(loaded.timesteps)}
    for k, scores in enumerate(loaded.score_items(items)):
        arrays[f"e{k:03d}"] = scores.errors
        if scores.unconditional_errors is not None:
            arrays[f"u{k:03d}"] = scores.unconditional_errors
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type] # names of arrays


def read(path: Path, n_items: int, budget: int) -> tuple[list[SimpleNamespace], tuple[int, ...]]:
    """Errors of each item at a budget, and the timesteps."""
    with np.load(path, allow_pickle=False) as data:
        items = [
            SimpleNamespace(
                errors=data[f"e{k:03d}"][..., :budget],
                unconditional_errors=data[f"u{k:03d}"][..., :budget]
                if f"u{k:03d}" in data
                else None,
            )
            for k in range(n_items)
        ]
        return items, tuple(map(int, data["timesteps"][:budget]))


def calibration(
    paths: list[Path], groups: list[tuple[str, list[Item]]], budget: int
) -> list[tuple[str, float, float, float, int]]:
    """(metric, mean, true error, rms of the stated ones, in how many seeds it was stated)."""
    values: dict[str, list[float]] = defaultdict(list)
    stated: dict[str, list[float]] = defaultdict(list)
    count = sum(len(items) for _, items in groups)
    for path in paths:
        errors, timesteps = read(path, count, budget)
        settings = ModelSettings(norm="l2", normalise=True, timesteps=timesteps)
        start = 0
        for task, items in groups:
            mine = errors[start : start + len(items)]
            start += len(items)
            labels = [item.label for item in items]
            matrices = [score_matrix(e.errors, e.unconditional_errors) for e in mine]
            primary = TASKS.get(task).primary
            measures = [
                m for m in TASKS.get(task).measures
                if not isinstance(m, EffectSize) and m.name in (*primary, "text", "image")
                and len(members(m, labels)[0])
            ]  # fmt: skip
            for measure in measures:
                found = sample(measure, labels, matrices)
                if found is not None:
                    values[f"{task}/{measure.name}"].append(found.mean(found.expected))
            for name, noise in noise_errors(measures, labels, mine, settings):
                stated[f"{task}/{name}"].append(noise.se)
    rows = []
    for name, seen in values.items():
        rms = float(np.sqrt(np.mean(np.square(stated[name])))) if stated[name] else float("nan")
        mean, true = float(np.mean(seen)), float(np.std(seen, ddof=1))
        rows.append((name, mean, true, rms, len(stated[name])))
    return rows


def main() -> None:
    """Collect what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", action="append")
    parser.add_argument("--noise", default="antithetic")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--suite", default="mini")
    parser.add_argument("--items", action="append", help="task:sub-task:count")
    parser.add_argument("--name", default="B", help="of the set of items, in the files' names")
    options = parser.parse_args()
    groups = [chosen(which, options.suite) for which in options.items or DEFAULT_ITEMS]
    items = [item for _, some in groups for item in some]
    models = options.model or ["mini-sd", "mini-sd-early", "mini-sd-hardneg"]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    prefix = f"{options.name}_{options.noise}_{options.samples}"
    for seed, model in itertools.product(seeds, models):
        path = options.out / f"{prefix}_{model}_{seed:03d}.npz"
        if not path.exists():
            collect(path, items, options, model, seed)
    for budget in (b for b in BUDGETS if b <= options.samples):
        squares = []
        for model in models:
            paths = sorted(options.out.glob(f"{prefix}_{model}_[0-9]*.npz"))
            for name, mean, true, rms, n in calibration(paths, groups, budget):
                if n == len(paths):
                    squares.append((rms**2, true**2))
                shown = f"{rms:.4f} {rms / true:5.2f}" if n and true > _NO_SPREAD else "-"
                print(
                    f"T = {budget:<3}{model:<17}{name:<22}{len(paths):>3} seeds  mean {mean:.2f}  "
                    f"true {true:.4f}  stated {shown} (in {n})",
                    flush=True,
                )
        if squares:
            pooled = np.sqrt(np.sum([s for s, _ in squares]) / np.sum([t for _, t in squares]))
            print(f"T = {budget}: all together {pooled:.2f} over {len(squares)} metrics")


if __name__ == "__main__":
    main()
