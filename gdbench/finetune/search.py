"""Learning rate and bound, chosen on validation scenes: no item of a benchmark is looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from gdbench.evaluation import evaluate
from gdbench.finetune.run import Sources, hardneg, held_out
from gdbench.finetune.validation import SUITE, held_out_task
from gdbench.models.loading import load_model
from gdbench.store import write_atomically
from gdbench.terminal import note

RESULT = "choice.json"
_KIND = "mixed"  # it has negatives of every kind
_SEED = 1000  # none of the seeds that are compared


@dataclass(frozen=True)
class Tried:
    """A learning rate and a bound after a short run, and the score on validation scenes."""

    learning_rate: float
    bound: float
    score: float
    """Mean accuracy of both directions, 0..1."""


@dataclass(frozen=True)
class Choice:
    """The best of those that were tried; the first of equals."""

    best: Tried
    base: float
    """Score of the base model."""
    tried: tuple[Tried, ...]
    """Empty where there was nothing to choose."""
    steps: int
    items: int
    """Of each direction."""


def train(sources: Sources, out: Path, **settings: Any) -> Path:
    """One run of several in this process, or the rest of it; its weights are below `out`."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 # one process, many runs
    hardneg(sources, out, validate_every=0, **settings)
    return out


def choose(
    sources: Sources,
    out: Path,
    *,
    rates: Sequence[float],
    bounds: Sequence[float],
    steps: int,
    items: int,
    samples: int,
    **settings: Any,
) -> Choice:
    """Train a short run with each rate and bound, score it on validation scenes, take the best.

    Args:
        sources: base model and training scenes; its cache folder is used for both.
        out: folder; a search that was interrupted goes on in it. `choice.json` has the result.
        rates: learning rates.
        bounds: values of lambda.
        steps: optimiser steps of each run.
        items: validation items of each direction.
        samples: timesteps for them.
        **settings: further fields of `HardNegSettings`.

    Raises:
        GdbenchError: see `gdbench.finetune.run.hardneg`.
    """
    if len(rates) == len(bounds) == 1:
        return Choice(Tried(rates[0], bounds[0], 0.0), 0.0, (), steps, items)
    task = held_out_task(held_out(sources, items))

    def score(lora: Path | None, folder: Path) -> float:
        model = load_model(
            sources.base,
            samples=samples,
            lora=None if lora is None else str(lora),
            cache_dir=sources.cache_dir,
        )
        (record,) = evaluate(model, [task], folder, suite=SUITE)
        return float(record.score or 0.0)

    base = score(None, out / "base")
    note(f"validation scenes: {sources.base} has {base:.3f}")
    tried = []
    for rate, bound in product(rates, bounds):
        run = out / f"rate-{rate:g}-bound-{bound:g}"
        train(
            sources, run, negatives=_KIND, seed=_SEED, steps=steps, learning_rate=rate,
            bound=bound, **settings,
        )  # fmt: skip
        tried.append(Tried(rate, bound, score(run, run / "evaluation")))
        note(f"validation scenes: rate {rate:g}, bound {bound:g}: {tried[-1].score:.3f}")
    best = max(tried, key=lambda one: one.score)
    choice = Choice(best, base, tuple(tried), steps, items)
    write_atomically(out / RESULT, json.dumps(asdict(choice), indent=2).encode() + b"\n")
    return choice
