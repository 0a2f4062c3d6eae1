"""How often sequential stopping decides as the full run does, and what it saves.

    python benchmarks/stopping.py collect --model mini-sd --out DIR [--minutes 10]
    python benchmarks/stopping.py table --out DIR [--json FILE]

`collect` scores generated held-out items at 250 timesteps, in rounds over three kinds (2-way,
10-way, 37-way text retrieval), until the time is over; it can be called again and goes on.
A candidate is dropped where the bound of the stopping rule itself, at a level of 1e-8 and not
before 32 timesteps, says that it cannot be the best: the full run's decision is then known for a
part of its cost (`--whole` computes every error).

`table` replays the stopping rule on these errors, beside two-stage elimination (25 timesteps for
all, then 250 for the best five; Li et al. 2023, section 3) and plain smaller budgets.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from gdbench.models.diffusion_itm import looks, racing
from gdbench.protocol import Item

SAMPLES = 250
KINDS = {
    "2-way": ("colour", "shape", "binding", "relation"),
    "10-way": ("text_retrieval",),
    "37-way": ("pets",),
}
REFERENCE_LEVEL = 1e-8
REFERENCE_LOOKS = (32, 48, 64, 96, 128, 192)
DELTAS = (0.01, 0.05, 0.1, 0.2)
Errors = NDArray[np.float64]  # (n_candidates, SAMPLES), NaN where surely not the best


def held_out(kind: str, count: int) -> Iterator[Item]:
    """Items of a kind, the sub-kinds in turn."""
    from gdbench.mini.heldout import heldout

    sources = [heldout(sub, count, seed=7) for sub in KINDS[kind]]
    for round_ in zip(*sources, strict=True):
        yield from round_


def collect(options: argparse.Namespace) -> None:
    """Write one file per item until the time is over."""
    from gdbench.models import LoadOptions, load_model

    model: Any = load_model(
        options.model,
        LoadOptions(samples=SAMPLES, normalise=False, batch_size=64, stop="sequential"),
    )
    looks.LOOKS, model.delta = REFERENCE_LOOKS, REFERENCE_LEVEL
    model.stop = "none" if options.whole else "sequential"
    options.out.mkdir(parents=True, exist_ok=True)
    weights = {"weights_sha256": model.card.weights_sha256, "model": model.card.name}
    (options.out / "model.json").write_text(json.dumps(weights), encoding="utf-8")
    end = time.monotonic() + 60 * options.minutes
    # items per round: about the same number of passes for each kind
    rounds = {"2-way": 12, "10-way": 3, "37-way": 1}
    sources = {kind: held_out(kind, 400) for kind in KINDS}
    for number in itertools.count():
        for kind, source in sources.items():
            chunk = list(itertools.islice(source, rounds[kind]))
            missing = [i for i in chunk if not (options.out / f"{kind}_{_safe(i)}.npy").exists()]
            for item, scores in zip(missing, model.score_items(missing), strict=True):
                np.save(options.out / f"{kind}_{_safe(item)}.npy", scores.errors[0])
            if time.monotonic() > end:
                return
        print("round", number, model.unet_evaluations, "passes", flush=True)


def _safe(item: Item) -> str:
    return "".join(c if c.isalnum() else "-" for c in item.id)


def race(errors: Errors, delta: float) -> tuple[int, int]:
    """(index chosen, passes) of the stopping rule."""
    n, total = errors.shape
    schedule = looks.looks_for(total)
    alive, seen, passes = np.arange(n), 0, 0
    for look in schedule:
        passes += len(alive) * (look - seen)
        seen = look
        kept = racing.survivors(errors[alive, :look], n, total, delta, schedule)
        if not kept.any():
            break
        alive = alive[kept]
    return int(alive[errors[alive, :seen].mean(axis=1).argmin()]), passes


def staged(errors: Errors, first: int = 25, keep: int = 5) -> tuple[int, int]:
    """(index chosen, passes) of two-stage elimination."""
    n, total = errors.shape
    order = np.argsort(errors[:, :first].mean(axis=1), kind="stable")[:keep]
    known = order[~np.isnan(errors[order]).any(axis=1)]
    best = known[errors[known].mean(axis=1).argmin()] if len(known) else order[0]
    return int(best), n * first + min(keep, n) * (total - first)


def fixed(errors: Errors, samples: int) -> tuple[int, int]:
    """(index chosen, passes) of a smaller budget for all."""
    return int(errors[:, :samples].mean(axis=1).argmin()), errors.shape[0] * samples


def full_decision(errors: Errors) -> int:
    """The candidate with the lowest mean over the full budget, among those not excluded."""
    whole = ~np.isnan(errors).any(axis=1)
    if whole.any():
        rows = np.flatnonzero(whole)
        return int(rows[errors[rows].mean(axis=1).argmin()])
    longest = np.count_nonzero(~np.isnan(errors), axis=1)
    rows = np.flatnonzero(longest == longest.max())
    return int(rows[errors[rows, : longest.max()].mean(axis=1).argmin()])


def row(kind: str, rule: str, items: list[Errors], decide: Callable[..., Any]) -> dict[str, Any]:
    """Agreement with the full run and the saving of one rule."""
    found = [decide(errors) for errors in items]
    agree = sum(choice == full_decision(e) for (choice, _), e in zip(found, items, strict=True))
    passes = sum(n for _, n in found)
    interval = binomtest(agree, len(items)).proportion_ci(method="wilson")
    return {
        "kind": kind, "rule": rule, "n": len(items), "agreement": agree / len(items),
        "low": interval.low, "high": interval.high,
        "fewer_passes": sum(e.size for e in items) / passes,
    }  # fmt: skip


def table(options: argparse.Namespace) -> None:
    """Replay the rules and print."""
    rows = []
    for kind in KINDS:
        paths = sorted(options.out.glob(f"{kind}_*.npy"))
        items = [np.load(path).astype(np.float64) for path in paths]
        if not items:
            continue
        rows.extend(
            row(kind, f"sequential, delta {delta:g}", items, _race_at(delta)) for delta in DELTAS
        )
        if kind != "2-way":
            rows.append(row(kind, "25, best 5, then 250", items, staged))
        rows.extend(
            row(kind, f"{samples} for all", items, _fixed_at(samples)) for samples in (10, 25)
        )
    shown = Table("kind", "rule", "n", "as the full run", "95 %", "fewer passes", box=None)
    for r in rows:
        shown.add_row(
            r["kind"], r["rule"], str(r["n"]), f"{100 * r['agreement']:.1f} %",
            f"{100 * r['low']:.1f} to {100 * r['high']:.1f}", f"{r['fewer_passes']:.1f}x",
        )  # fmt: skip
    Console(width=100).print(shown)
    if options.json:
        about = json.loads((options.out / "model.json").read_text(encoding="utf-8"))
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


def _race_at(delta: float) -> Callable[[Errors], tuple[int, int]]:
    return lambda errors: race(errors, delta)


def _fixed_at(samples: int) -> Callable[[Errors], tuple[int, int]]:
    return lambda errors: fixed(errors, samples)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    first = verbs.add_parser("collect")
    first.add_argument("--model", default="mini-sd")
    first.add_argument("--minutes", type=float, default=10)
    first.add_argument("--whole", action="store_true")
    first.set_defaults(run=collect)
    second = verbs.add_parser("table")
    second.add_argument("--json", type=Path)
    second.set_defaults(run=table)
    for verb in (first, second):
        verb.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
