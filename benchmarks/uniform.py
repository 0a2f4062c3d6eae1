"""What drawing timesteps uniformly costs beside the nested order: errors of margins, mini-sd.

The margin of an item is the score of the right caption less that of the wrong one. Each schedule is
run with several seeds at a small budget, and its margins are held against those of many nested
timesteps: `python -m benchmarks.uniform`.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gdbench.models import load_model
from gdbench.protocol import BatchedITMModel, Item
from gdbench.tasks import TASKS
from gdbench.tasks.base import BUNDLED, limited


def margins(items: list[Item], schedule: str, samples: int, seed: int) -> NDArray[np.float64]:
    """Right less wrong of each item, (n,)."""
    model = load_model("mini-sd", schedule=schedule, samples=samples, seed=seed, device="cpu")
    assert isinstance(model, BatchedITMModel)  # noqa: S101 # it is our own
    found = zip(items, model.score_items(items), strict=True)
    return np.array([s.matrix[0, i.gold[0]] - s.matrix[0, 1 - i.gold[0]] for i, s in found])


def main() -> None:
    """Print a row for each schedule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=3, help="of each sub-task of clevr")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--reference", type=int, default=245)
    given = parser.parse_args()
    items = list(limited(TASKS.get("clevr").items(BUNDLED[0]), given.items))
    truth = margins(items, "nested", given.reference, 1000)
    print(f"{len(items)} items, {given.samples} timesteps, {given.seeds} seeds\n")
    print("| timesteps | root mean square error of a margin | right |")
    print("| --- | ---: | ---: |")
    squares = {}
    for schedule in ("nested", "uniform"):
        runs = np.array(
            [margins(items, schedule, given.samples, seed) for seed in range(given.seeds)]
        )
        squares[schedule] = ((runs - truth) ** 2).mean(axis=1)
        error = float(np.sqrt(squares[schedule].mean()))
        print(f"| {schedule} | {error:.4f} | {100 * (runs > 0).mean():.1f} |")
    ratios = np.log(squares["uniform"] / squares["nested"])
    middle = float(np.exp(ratios.mean()))
    half = float(stats.t.isf(0.025, len(ratios) - 1) * stats.sem(ratios))
    low, high = middle * np.exp(-half), middle * np.exp(half)
    print(f"\nmean square, uniform over nested: {middle:.2f} ({low:.2f} to {high:.2f} over seeds)")
    print(f"spread of margins over items: {truth.std():.4f}")


if __name__ == "__main__":
    main()
