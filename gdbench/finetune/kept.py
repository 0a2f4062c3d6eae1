"""Whether a fine-tuned model still generates: the same prompts before and after, and a number."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import stats

from gdbench.errors import InputError, ModelOutputError
from gdbench.finetune.run import base_folder
from gdbench.finetune.samples import PROMPTS, generate, grid
from gdbench.foreign import ForeignCode
from gdbench.models import load_model
from gdbench.models.lora import find_lora
from gdbench.protocol import ITMModel
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
        InputError: there is no prompt, guidance is not finite, `out` cannot be written to, or a
            model or the LoRA cannot be had.
        ModelOutputError: the judge failed, or gave no finite number.
    """
    if not prompts:
        raise InputError("--prompts: there is no line with words in it")
    if not math.isfinite(guidance):
        raise InputError(f"--guidance {guidance}: expected a finite number")
    _, folder = base_folder(base)
    place = find_lora(lora)
    # what is wrong is found before anything is generated
    model = load_model(judge, device=device)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror})") from None
    made = {
        "before": generate(folder, None, prompts, steps=steps, guidance=guidance),
        "after": generate(folder, place, prompts, steps=steps, guidance=guidance),
    }
    marks = {name: _marks(model, pictures, prompts) for name, pictures in made.items()}
    found = paired(marks["before"], marks["after"], judge)
    grid(made, prompts).save(out / GRID)
    write_atomically(out / RESULT, json.dumps(asdict(found), indent=2).encode() + b"\n")
    return found


def _marks(judge: ITMModel, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> list[float]:
    """The score of each picture with its own prompt."""
    marks = []
    foreign = ForeignCode(judge.card.name, lambda: "a prompt")
    for picture, prompt in zip(pictures, prompts, strict=True):
        mark = np.asarray(foreign.call(judge.score, [picture.convert("RGB")], [prompt]))
        if mark.shape != (1, 1) or not np.isfinite(mark).all():
            raise ModelOutputError(
                f"--judge {judge.card.name}: expected one finite number for {prompt!r}, "
                f"it gave {str(mark)[:80]}"
            )
        marks.append(float(mark[0, 0]))
    return marks
