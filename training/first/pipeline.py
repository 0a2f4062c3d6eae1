"""Write a trained model as a diffusers Stable Diffusion pipeline, float16 safetensors."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextModel

from training.first.tokenizer import save as save_tokenizer


def export(
    folder: Path,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    scheduler: EulerDiscreteScheduler,
) -> None:
    """Write `folder` as `StableDiffusionPipeline.from_pretrained` reads it."""
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    for name, module in (("vae", vae), ("unet", unet), ("text_encoder", text)):
        half = copy.deepcopy(module).to(torch.float16)
        half.save_pretrained(str(new / name), safe_serialization=True)
    scheduler.save_pretrained(str(new / "scheduler"))
    save_tokenizer(new / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (new / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    new.replace(folder)
