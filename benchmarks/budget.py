"""What each way to spend fewer samples saves, and how often it decides as 250 samples do.

    python -m benchmarks.budget [--model mini-sd] [--kind 2-way] [--json FILE] [--markdown]

Replays rules on the errors that lie in `benchmarks/errors` (of mini models at 250 samples, made by
full_errors.py and kept_errors.py), so it needs minutes and no model. "Passes a pair" are those with
a caption; "fewer" counts the unconditional ones too, an image's once. "Promised" is the share of
decisions that a rule promises to keep, "kept" that of the items which are decided as by all
samples, with Wilson's 95 % interval. "Points" is the change of the accuracy. The last row of a kind
is the whole budget with noise of another seed: what differs there is decided by chance at 250
samples, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from benchmarks.full_errors import KINDS, SAMPLES, TRAINING
from benchmarks.kept_errors import NOT_RUN, ROOT, Kept, load, whole
from benchmarks.replay import Rule, Seen, matrix, passes, prefix, staged, stopped
from gdbench.metrics.margins import kept_share, last_left
from gdbench.models.diffusion_itm.adapter import STOPPING
from gdbench.records import Stop

PREFIXES = (8, 16, 25, 50)
DELTAS: dict[Stop, tuple[float, ...]] = {
    "sequential": (0.05, 0.2),
    "predictive": (0.1, 0.2, 0.3, 0.5),
}
HELD_OUT = " held out"
STAGED = ("10-way", "37-way")
REPLAYED = tuple(k for k in KINDS if k not in (TRAINING, "2 x 2") and HELD_OUT not in k)
HEADERS = ("model", "kind", "method", "n", "passes", "fewer", "promised", "kept", "95 %", "points")


@dataclass(frozen=True)
class Method:
    """A rule, and what it promises for an item: a share of decisions, from what it has seen."""

    name: str
    rule: Rule
    stop: Stop = "none"
    delta: float = 0.0

    def promise(self, seen: Sequence[Seen]) -> float | None:
        """The share of the decisions that are as those of the full budget, at least."""
        if self.stop == "none":
            return None
        left = [last_left(part.conditional.sum(axis=-1), SAMPLES) for part in seen]
        return kept_share(left, SAMPLES, self.stop, self.delta)


def methods(kind: str) -> Iterator[Method]:
    """What is compared."""
    for n in PREFIXES:
        yield Method(f"first {n}", prefix(n))
    if kind in STAGED:
        yield Method("25, best 5, then 250", staged())
    for stop, deltas in DELTAS.items():
        for delta in deltas:
            yield Method(f"{stop} {delta:g}", stopped(STOPPING[stop], delta), stop, delta)


@dataclass(frozen=True)
class Row:
    """One method on the items of one kind."""

    model: str
    kind: str
    method: str
    n: int
    passes_a_pair: float
    fewer_passes: float
    promised: float | None
    kept: float
    low: float
    high: float
    points: float

    def cells(self) -> tuple[str, ...]:
        """For a table."""
        return (
            self.model, self.kind, self.method, str(self.n), f"{self.passes_a_pair:.1f}",
            f"{self.fewer_passes:.1f}x",
            "" if self.promised is None else f"{100 * self.promised:.1f} %",
            f"{100 * self.kept:.1f} %", f"{100 * self.low:.1f} to {100 * self.high:.1f}",
            f"{self.points:+.1f}",
        )  # fmt: skip


def rows_of(model: str, kind: str, kept: Kept) -> Iterator[Row]:
    """All methods on the items of a kind."""
    items = kept.items
    full = np.array([whole(item) for item in items])
    everything = passes(items, [prefix(SAMPLES)(item) for item in items])

    def row(
        name: str, chosen: NDArray[np.int64], used: float, fewer: float, promised: float | None
    ) -> Row:
        agree = int((chosen == full).sum())
        interval = binomtest(agree, len(full)).proportion_ci(method="wilson")
        points = 100 * float((chosen == kept.gold).mean() - (full == kept.gold).mean())
        return Row(
            model, kind, name, len(full), used, fewer, promised, agree / len(full),
            interval.low, interval.high, points,
        )  # fmt: skip

    for method in methods(kind):
        seen = [method.rule(item) for item in items]
        scores = (matrix(item, part) for item, part in zip(items, seen, strict=True))
        chosen = np.array([each.argmax() for each in scores])
        pairs = sum(part.conditional[..., 0].size for part in seen)
        used = sum(int(part.conditional.sum()) for part in seen) / pairs
        fewer = everything / passes(items, seen)
        yield row(method.name, chosen, used, fewer, method.promise(seen))
    if (kept.other_seed != NOT_RUN).any():
        other = np.where(kept.other_seed == NOT_RUN, full, kept.other_seed)
        yield row("250, another seed", other, SAMPLES, 1.0, None)


def loaded(model: str, kind: str) -> Kept | None:
    """The items of a kind, held-out ones with them; None where there are none."""
    parts = [load(model, name) for name in (kind, kind + HELD_OUT)]
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return Kept(
        [item for part in found for item in part.items],
        np.concatenate([part.gold for part in found]),
        np.concatenate([part.other_seed for part in found]),
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table for a page."""
    left = sum(header in ("model", "kind", "method") for header in HEADERS)
    lines = ["| " + " | ".join(HEADERS) + " |"]
    lines.append("|" + " --- |" * left + " ---: |" * (len(HEADERS) - left))
    return "\n".join([*lines, *("| " + " | ".join(row.cells()) + " |" for row in rows)])


def main() -> None:
    """Replay the rules and print."""
    models = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=models)
    parser.add_argument("--kind", action="append", choices=REPLAYED)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    rows = [
        row
        for kind in options.kind or REPLAYED
        for model in options.model or models
        if (kept := loaded(model, kind)) is not None
        for row in rows_of(model, kind, kept)
    ]
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    if options.markdown:
        print(markdown(rows))
        return
    table = Table(box=None)
    for header in HEADERS:
        table.add_column(header, justify="left" if header in HEADERS[:3] else "right")
    for row in rows:
        table.add_row(*row.cells())
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
