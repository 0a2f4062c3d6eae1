"""What the harness itself takes: pairs a second, memory and the start of a resumed run.

    python -m benchmarks.harness [--before TREE] [--items 200000] [--many 1000000] [--rounds 3]

The model does nothing, so that what is measured is reading, checking, logging, hashing, metrics
and records. Every number comes from a process of its own; `--before` measures another checkout in
turn with this one, so that both see the same machine. Of several rounds the one that took the
least of a processor is told: whatever else runs on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gdbench.environment import peak_memory_bytes
from gdbench.evaluation import evaluate
from gdbench.metrics.measures import Recall
from gdbench.protocol import Item, ModelCard, Query, Scores
from gdbench.records import ModelSettings
from gdbench.tasks.base import Task

ERROR_ITEMS, ERROR_TEXTS, TIMESTEPS = 10_000, 4, 250
COUNT = [0, 2]
"""Items and texts of each that the task has."""


@dataclass(frozen=True)
class Blank:
    """The one picture that there is."""

    sha256: str = "0" * 64

    def open(self) -> Image.Image:
        """A small picture."""
        return Image.new("RGB", (8, 8))


def items() -> Iterator[Item]:
    """Items that differ in their id."""
    images, texts = (Blank(),), tuple(f"text {k}" for k in range(COUNT[1]))
    for n in range(COUNT[0]):
        yield Item(f"item-{n:07d}", images, texts, Query.TEXT_RETRIEVAL, (0,), "s")


class Nothing:
    """Scores that are there already; `stop_at` interrupts it before that item."""

    card = ModelCard(name="nothing")

    def __init__(self, *, errors: bool = False, stop_at: int | None = None) -> None:
        self.errors, self.stop_at = errors, stop_at
        self.settings = ModelSettings()
        if errors:
            steps = tuple(range(TIMESTEPS))
            self.settings = ModelSettings(timesteps=steps, samples=TIMESTEPS, normalise=False)
        self.first_asked = 0.0
        self.peak_while_scoring = 0

    def score(self, images: object, texts: object) -> object:
        """Never called: `score_items` is."""
        raise NotImplementedError

    def score_items(self, asked: Iterable[Item]) -> Iterator[Scores]:
        """The same scores for every item."""
        matrix = np.arange(COUNT[1], dtype=np.float32)[None]
        rng = np.random.default_rng(0)
        for n, item in enumerate(asked):
            self.first_asked = self.first_asked or time.perf_counter()
            if n == self.stop_at:
                raise KeyboardInterrupt
            errors = None
            if self.errors:
                errors = rng.random((1, COUNT[1], TIMESTEPS), dtype=np.float32)
                matrix = -errors.mean(axis=-1)
            yield Scores(item.id, matrix, errors)
        self.peak_while_scoring = peak_memory_bytes()


def measured(what: str, count: int) -> dict[str, float]:
    """One measurement in this process."""
    COUNT[:] = [count, ERROR_TEXTS if what == "errors" else 2]
    task = Task(
        name="nothing",
        version="1",
        title="Nothing",
        description="Nothing.",
        measures=(Recall("r1", ("s",)),),
        primary=("r1",),
        sources={"mini": "__main__:items"},
        expected={"mini": {"s": count}},
    )
    idle = peak_memory_bytes()
    with tempfile.TemporaryDirectory() as out:
        model = Nothing(errors=what == "errors", stop_at=count - 1 if what == "resume" else None)
        start, processor = time.perf_counter(), time.process_time()
        try:
            evaluate(model, [task], Path(out), suite="mini")
        except KeyboardInterrupt:
            model = Nothing()
            start, processor = time.perf_counter(), time.process_time()
            evaluate(model, [task], Path(out), suite="mini")
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "processor_seconds": time.process_time() - processor,
            "start_seconds": model.first_asked - start,
            "pairs_per_second": count * COUNT[1] / seconds,
            "idle_bytes": idle,
            "scoring_bytes": model.peak_while_scoring,
            "end_bytes": peak_memory_bytes(),
        }


def in_a_process(tree: Path, what: str, count: int) -> dict[str, float]:
    """One measurement with the package of that checkout."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--measure", what, "--items", str(count)]
    # the same script for both, with the package of one of them
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def told(name: str, what: str, count: int, figures: dict[str, float]) -> str:
    """A measurement as one line."""
    memory = [figures[f"{when}_bytes"] / 2**20 for when in ("idle", "scoring", "end")]
    pairs = figures["pairs_per_second"] * figures["seconds"]
    return (
        f"{name:>6} {what:>6} {count:>9,} items: {pairs / figures['processor_seconds']:>9,.0f} "
        f"pairs/s of a processor, {figures['pairs_per_second']:,.0f} by the clock; first item "
        f"after {figures['start_seconds']:.1f} s, {figures['seconds']:.1f} s in all, "
        f"{figures['processor_seconds']:.1f} s of a processor; MiB idle, scoring, at the end: "
        f"{', '.join(f'{size:.0f}' for size in memory)}"
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="of this checkout; 0: none")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", choices=("plain", "errors", "resume"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure, options.items)))
        return
    here = Path(__file__).parent.parent.resolve()
    trees = {"before": options.before.resolve()} if options.before else {}
    trees["now"] = here
    plan = [("plain", options.items), ("errors", ERROR_ITEMS), ("resume", options.items)]
    runs = [(what, count, list(trees)) for what, count in plan]
    if options.many:
        runs += [(what, options.many, ["now"]) for what in ("plain", "resume")]
    found = []
    for what, count, names in runs:
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name in names:
                rounds[name].append(in_a_process(trees[name], what, count))
        for name in names:
            figures = min(rounds[name], key=lambda one: one["processor_seconds"])
            found.append({"tree": name, "what": what, "items": count, **figures})
            print(told(name, what, count, figures), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
