"""Whether a fine-tuned model still generates: the same prompts before and after, and a number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import stats

from gdbench.errors import InputError
from gdbench.finetune.run import base_folder
from gdbench.finetune.samples import PROMPTS, generate, grid
from gdbench.models import load_model
from gdbench.models.lora import find_lora
from gdbench.store import write_atomically

GRID, RESULT = "kept.png", "kept.json"


@dataclass(frozen=True)
class Kept:
    """How well pictures fit their prompts, before and after; scores are those of the judge.

    With CLIP as the judge this is CLIPScore (Hessel et al. 2021) up to its factor of 2.5.
    """

    judge: str
    n: int
    before: float
    """Mean score of the base model's pictures."""
    after: float
    difference: float
    """After minus before; negative: the pictures fit less well."""
    low: float | None
    high: float | None
    """95 % interval over prompts (paired t); None for one prompt."""
    p_value: float | None


def paired(before: Sequence[float], after: Sequence[float], judge: str) -> Kept:
    """The mean difference over prompts; the noise of a prompt's two pictures is the same."""
    x, y = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    low = high = p_value = None
    if len(x) > 1 and np.ptp(y - x) > 0:
        test = stats.ttest_rel(y, x)
        ends = test.confidence_interval()
        low, high, p_value = float(ends.low), float(ends.high), float(test.pvalue)
    difference = float((y - x).mean())
    return Kept(judge, len(x), float(x.mean()), float(y.mean()), difference, low, high, p_value)


def generation_kept(
    base: str,
    lora: str,
    judge: str,
    out: Path,
    *,
    prompts: Sequence[str] = PROMPTS,
    steps: int = 30,
    guidance: float = 7.5,
    device: str | None = None,
) -> Kept:
    """Generate with and without the LoRA, write a grid and a number below `out`.

    Args:
        base: the model that was fine-tuned: a registered name or a folder.
        lora: its LoRA: a file, a run's folder, or `release:NAME`.
        judge: a model that scores pictures and prompts, e.g. `clip-vit-b32`.
        out: folder; `kept.png` and `kept.json` are written to it.
        prompts: one picture each; prompt k starts from the noise of seed k with both models.
        steps: of denoising, each picture.
        guidance: scale of classifier-free guidance.
        device: of the judge; None: the best there is.

    Raises:
        InputError: there is no prompt, or a model or the LoRA cannot be had.
    """
    if not prompts:
        raise InputError("--prompts: there is no line with words in it")
    _, folder = base_folder(base)
    place = find_lora(lora)
    made = {
        "before": generate(folder, None, prompts, steps=steps, guidance=guidance),
        "after": generate(folder, place, prompts, steps=steps, guidance=guidance),
    }
    marks = {name: _marks(judge, pictures, prompts, device) for name, pictures in made.items()}
    found = paired(marks["before"], marks["after"], judge)
    out.mkdir(parents=True, exist_ok=True)
    grid(made, prompts).save(out / GRID)
    write_atomically(out / RESULT, json.dumps(asdict(found), indent=2).encode() + b"\n")
    return found


def _marks(
    judge: str, pictures: Sequence[Image.Image], prompts: Sequence[str], device: str | None
) -> list[float]:
    """The score of each picture with its own prompt."""
    model = load_model(judge, device=device)
    return [
        float(np.asarray(model.score([picture.convert("RGB")], [prompt]))[0, 0])
        for picture, prompt in zip(pictures, prompts, strict=True)
    ]
