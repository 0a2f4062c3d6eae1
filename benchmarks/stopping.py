"""How often sequential stopping decides as the full run does, and what it saves.

    python -m benchmarks.stopping --errors DIR [--json FILE]

Replays the stopping rule on the full-budget errors that full_errors.py wrote: the plan that the
engine follows is asked for its blocks, and scores are made from the errors that those blocks
cover, as from a score log. Beside it: two-stage elimination (25 timesteps for all, then 250 for
the best five; Li et al. 2023, section 3) and plain smaller budgets. A decision is the best
candidate, or the set of the five best too where R@5 is asked; for 2 x 2 items the outcome of all
four comparisons. Unconditional passes count once for each image. Of items whose errors were
spared (full_errors.py --spare) the full run's decision is known all the same; two-stage elimination
needs more and is left to the others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from benchmarks.full_errors import KINDS, SAMPLES, TRAINING, Known, read
from gdbench.metrics.denoising import score_matrix
from gdbench.models.diffusion_itm.racing import RacePlan
from gdbench.protocol import Query

DELTAS = (0.01, 0.05, 0.1, 0.2)
Mask = NDArray[np.bool_]


class Seen(NamedTuple):
    """What a rule evaluates of an item."""

    conditional: Mask  # (n_images, n_texts, SAMPLES)
    base: Mask  # (n_images, SAMPLES)


Rule = Callable[[Known], Seen]


def sequential(delta: float, ranks: Sequence[int]) -> Rule:
    """The stopping rule itself."""

    def rule(item: Known) -> Seen:
        base = [] if item.base is None else [SimpleNamespace(values=row) for row in item.base]
        job: Any = SimpleNamespace(errors=item.errors, shared=base)
        plan = RacePlan(item.query, SAMPLES, delta=delta, ranks=ranks)
        seen = Seen(np.zeros(item.errors.shape, bool), np.zeros((len(item.errors), SAMPLES), bool))
        while (asked := plan.next_block(job)) is not None:
            steps, cells = asked
            block = slice(steps.start, steps.stop)
            seen.conditional[..., block] |= cells[..., None]
            seen.base[..., block] |= cells.any(axis=1, keepdims=True)
        if np.isnan(item.errors[seen.conditional]).any():
            raise ValueError(f"item {item.id}: the rule asks for errors that were spared")
        return seen

    return rule


def fixed(samples: int) -> Rule:
    """A smaller budget for all."""

    def rule(item: Known) -> Seen:
        first = np.arange(SAMPLES) < samples
        return Seen(
            np.broadcast_to(first, item.errors.shape),
            np.broadcast_to(first, (len(item.errors), SAMPLES)),
        )

    return rule


def staged(first: int = 25, keep: int = 5) -> Rule:
    """`first` timesteps for all, then the full budget for the best `keep`."""

    def rule(item: Known) -> Seen:
        seen = fixed(first)(item)
        scores = matrix(item, seen).reshape(-1)
        chosen = np.zeros(scores.shape, bool)
        chosen[np.argsort(-scores, kind="stable")[:keep]] = True
        cells = chosen.reshape(item.errors.shape[:2])
        images = cells.any(axis=1, keepdims=True)
        return Seen(seen.conditional | cells[..., None], seen.base | images)

    return rule


def matrix(item: Known, seen: Seen) -> NDArray[np.float32]:
    """The scores that the evaluated errors give."""
    base = None if item.base is None else np.where(seen.base, item.base, np.nan)
    return score_matrix(np.where(seen.conditional, item.errors, np.nan), base)


def decision(item: Known, scores: NDArray[np.float32], ranks: Sequence[int]) -> object:
    """What is decided by scores (n_images, n_texts)."""
    if item.query is Query.MATCHING:
        right = np.diff(scores, axis=1)[:, 0] > 0, np.diff(scores, axis=0)[0] > 0
        return tuple(np.concatenate(right).tolist())
    order = np.argsort(-scores.reshape(-1), kind="stable")
    return tuple(frozenset(order[:k].tolist()) for k in ranks)


def passes(items: Sequence[Known], seen: Sequence[Seen]) -> int:
    """Network passes, an image's unconditional ones once."""
    base: dict[str, Mask] = {}
    total = 0
    for item, part in zip(items, seen, strict=True):
        total += int(part.conditional.sum())
        if item.base is not None:
            for image, row in zip(item.images, part.base, strict=True):
                base[image] = base.get(image, np.zeros(SAMPLES, bool)) | row
    return total + sum(int(row.sum()) for row in base.values())


def row(kind: str, name: str, items: list[Known], rule: Rule, ranks: Sequence[int]) -> Any:
    """Agreement with the full run and the saving of one rule."""
    seen = [rule(item) for item in items]
    whole = [fixed(SAMPLES)(item) for item in items]
    agree = sum(
        decision(i, matrix(i, part), ranks) == decision(i, matrix(i, full), ranks)
        for i, part, full in zip(items, seen, whole, strict=True)
    )
    interval = binomtest(agree, len(items)).proportion_ci(method="wilson")
    return {
        "kind": kind, "rule": name, "ranks": list(ranks), "n": len(items),
        "agreement": agree / len(items), "low": interval.low, "high": interval.high,
        "passes": passes(items, seen), "full_passes": passes(items, whole),
        "fewer_passes": passes(items, whole) / passes(items, seen),
    }  # fmt: skip


def rows_of(kind: str, items: list[Known]) -> list[Any]:
    """All rules on the items of a kind."""
    asked = [(1,), (1, 5)] if kind == "10-way" else [(1,)]
    found = []
    for ranks in asked:
        also = ", R@5 too" if 5 in ranks else ""  # R@5
        found += [
            row(kind, f"delta {delta:g}{also}", items, sequential(delta, ranks), ranks)
            for delta in DELTAS
        ]
    if kind in ("10-way", "37-way"):
        whole = [item for item in items if np.isfinite(item.errors).all()]
        found.append(row(kind, "25, best 5, then 250", whole, staged(), (1,)))
    return found + [row(kind, f"{n} for all", items, fixed(n), (1,)) for n in (10, 25, 50)]


def main() -> None:
    """Replay the rules and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kinds = {k: read(options.errors, k) for k in KINDS if k != TRAINING}
    kinds["37-way"] += kinds.pop("37-way held out")
    rows = [r for kind, items in kinds.items() if items for r in rows_of(kind, items)]
    shown = Table("kind", "rule", box=None)
    for name in ("n", "as the full run", "95 %", "fewer passes"):
        shown.add_column(name, justify="right")
    for r in rows:
        shown.add_row(
            r["kind"], r["rule"], str(r["n"]), f"{100 * r['agreement']:.1f} %",
            f"{100 * r['low']:.1f} to {100 * r['high']:.1f}", f"{r['fewer_passes']:.1f}x",
        )  # fmt: skip
    Console(width=100).print(shown)
    if options.json:
        about = json.loads((options.errors / "model.json").read_text(encoding="utf-8"))
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
