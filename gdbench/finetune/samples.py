"""Pictures generated before and after fine-tuning: what a better matcher may have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from gdbench.models.lora import load_lora

PROMPTS = (
    "a red circle and a blue square",
    "a green star left of a white moon",
    "a small yellow heart and a large black cross",
    "three purple rings",
    "the cat sits on the box",
    "the robot points at the tree",
)
"""For the mini models; any other model takes its own."""

_MARGIN = 14


def generate(
    folder: Path, lora: Path | None, prompts: Sequence[str], *, steps: int, guidance: float
) -> list[Image.Image]:
    """One picture for each prompt; prompt k always starts from the noise of seed k."""
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    if torch.cuda.is_available():
        pipeline = pipeline.to("cuda")
    if lora is not None:
        load_lora(pipeline.unet, lora)
    pictures = []
    for number, prompt in enumerate(prompts):
        generator = torch.Generator().manual_seed(number)
        made = pipeline(
            prompt, num_inference_steps=steps, guidance_scale=guidance, generator=generator
        )
        pictures.append(made.images[0])
    return pictures


def grid(columns: Mapping[str, Sequence[Image.Image]], prompts: Sequence[str]) -> Image.Image:
    """Prompts down, models across, each with its name above and its prompt on the left."""
    side = max(128, next(iter(columns.values()))[0].width)
    left = 8 + 6 * max(len(prompt) for prompt in prompts)
    size = (left + len(columns) * (side + _MARGIN), _MARGIN * 2 + len(prompts) * (side + _MARGIN))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for x, (name, pictures) in enumerate(columns.items()):
        pen.text((left + x * (side + _MARGIN), 4), name, fill="black")
        for y, picture in enumerate(pictures):
            scaled = picture.convert("RGB").resize((side, side), Image.Resampling.NEAREST)
            place = (left + x * (side + _MARGIN), 2 * _MARGIN + y * (side + _MARGIN))
            sheet.paste(scaled, place)
    for y, prompt in enumerate(prompts):
        pen.text((4, 2 * _MARGIN + y * (side + _MARGIN) + side // 2), prompt, fill="black")
    return sheet
