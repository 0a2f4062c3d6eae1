"""Measure the trained models on generated held-out items; write JSON and a Markdown table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import StableDiffusionPipeline

from gdbench.mini.heldout import HELD_OUT_KINDS, heldout
from gdbench.mini.items import bias
from gdbench.mini.train.clip_probe import ClipMatcher
from gdbench.mini.train.probe import Matcher, Pair, right
from gdbench.protocol import Item

Scorer = Callable[[list[Item]], list[Pair]]
WEIGHTS = Path(__file__).parent.parent / "weights"
AIMS = {
    "colour": 0.95,
    "shape": 0.90,
    "binding": 0.75,
    "relation": 0.70,
    "image_retrieval": 0.85,
}
CHANCE = {"image_retrieval": 0.1, "text_retrieval": 0.1, "pets": 1 / 37}
PERMUTATIONS = 10_000
BY_HAND = "<!-- written by hand from here on -->"


def scorer(name: str, weights: Path, timesteps: int) -> Scorer:
    """Return the function that scores items with one of the mini models."""
    if name == "mini-clip":
        return ClipMatcher(weights / name).matrices
    pipeline = StableDiffusionPipeline.from_pretrained(weights / name, torch_dtype=torch.float32)
    signal = pipeline.scheduler.alphas_cumprod
    vae, unet, text = pipeline.vae.eval(), pipeline.unet.eval(), pipeline.text_encoder.eval()
    return Matcher(vae, unet, text, signal, timesteps=timesteps).matrices


def accuracy(score: Scorer, kind: str, n: int) -> dict[str, float | int]:
    """Return accuracies on `n` held-out items, by naive and by normalised scores."""
    items = list(heldout(kind, n))
    scored = score(items)
    figures: dict[str, float | int] = {"n": len(items), "chance": CHANCE.get(kind, 0.5)}
    for place, name in enumerate(("naive", "normalised")):
        hits = [right(item, found[place]) for item, found in zip(items, scored, strict=True)]
        figures[name] = float(np.mean(hits))
    return figures


def association(score: Scorer) -> dict[str, float | int]:
    """Return the effect size of the planted association and its one-sided permutation p-value."""
    items = list(bias())
    means: dict[str, list[float]] = {}
    for item, (_, scores) in zip(items, score(items), strict=True):
        pleasant = scores[0, list(item.gold)].mean()
        others = [place for place in range(len(item.texts)) if place not in item.gold]
        means.setdefault(item.subtask, []).append(float(pleasant - scores[0, others].mean()))
    first, second = (np.array(values) for values in means.values())
    everything: npt.NDArray[np.float64] = np.concatenate((first, second))
    effect = (first.mean() - second.mean()) / everything.std(ddof=1)
    rng = np.random.RandomState(0)
    half = len(first)
    shuffled = [rng.permutation(everything) for _ in range(PERMUTATIONS)]
    as_large = sum(
        s[:half].mean() - s[half:].mean() >= first.mean() - second.mean() for s in shuffled
    )
    p = (as_large + 1) / (PERMUTATIONS + 1)
    return {"n": len(items), "effect_size": float(effect), "p": float(p)}


def measure(
    names: list[str], kinds: list[str], *, weights: Path, n: int, timesteps: int, file: Path
) -> None:
    """Measure and add to `file` (JSON); figures of other models and kinds stay as they are."""
    for name in names:
        score = scorer(name, weights, timesteps)
        for kind in kinds:
            found = association(score) if kind == "bias" else accuracy(score, kind, n)
            if name != "mini-clip":
                found["timesteps"] = timesteps
            known = json.loads(file.read_text()) if file.exists() else {}
            known.setdefault(name, {})[kind] = found
            file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
            print(name, kind, found, flush=True)


def wilson(share: float, n: int) -> str:
    """Return the 95 % Wilson interval of a share of `n` independent items."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{middle - half:.3f} to {middle + half:.3f}"


def table(work: Path, page: Path) -> None:
    """Write the figures in `work` as a Markdown page; what was added by hand to it stays."""
    files = sorted(work.glob("report-*.json"))
    known: dict[str, dict[str, dict[str, float]]] = {}
    for file in files:
        for name, kinds in json.loads(file.read_text()).items():
            known.setdefault(name, {}).update(kinds)
    lines = [
        "# How well the mini models were trained",
        "",
        "Accuracy on generated held-out items (`gdbench.mini.heldout`), 95 % Wilson interval in",
        "brackets (as if items were independent; pairs share their texts). Timesteps on an even",
        "grid from 10 to 990, the same noise for every candidate. Measured by",
        "`python -m gdbench.mini.train report`.",
        "",
        "| kind | model | n | timesteps | chance | naive | normalised | aim |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in HELD_OUT_KINDS:
        for name, kinds in known.items():
            if kind not in kinds:
                continue
            row = kinds[kind]
            cells = [
                f"{row[c]:.3f} ({wilson(row[c], int(row['n']))})" for c in ("naive", "normalised")
            ]
            if name == "mini-clip":
                cells[1] = "-"
            aim = f"{AIMS[kind]:.2f}" if kind in AIMS and name == "mini-sd" else ""
            steps = row.get("timesteps", "-")
            lines.append(
                f"| {kind} | {name} | {row['n']} | {steps} | {row['chance']:.3f} | "
                f"{cells[0]} | {cells[1]} | {aim} |"
            )
    lines += [
        "",
        "The planted association (positive: `dax` nearer to the pleasant words, as planted):",
        "",
        "| model | n | timesteps | effect size | permutation p (one-sided) |",
        "|---|---|---|---|---|",
    ]
    for name, kinds in known.items():
        if "bias" in kinds:
            row = kinds["bias"]
            lines.append(
                f"| {name} | {row['n']} | {row.get('timesteps', '-')} | "
                f"{row['effect_size']:.2f} | {row['p']:.4f} |"
            )
    kept = page.read_text().partition(BY_HAND)[2] if page.exists() else "\n"
    page.write_text("\n".join((*lines, "", BY_HAND)) + kept)
