"""Stable Diffusion 1.x and 2.x: a U-Net with cross-attention to one CLIP text encoder.

Sources: Rombach et al. 2022; the layout is that of diffusers' StableDiffusionPipeline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gdbench.errors import InputError
from gdbench.models.devices import default_memory_format
from gdbench.models.diffusion_itm.denoiser import Prediction
from gdbench.models.diffusion_itm.parts import Parts
from gdbench.models.digests import (
    digest_json,
    digest_safetensors,
    digest_text,
    digest_tokenizer,
    read_json_object,
)
from gdbench.records import Content

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_BETAS = {"linear", "scaled_linear", "squaredcos_cap_v2"}


def _config(folder: Path, part: str, name: str) -> dict[str, Any]:
    path = folder / part / name
    if not path.is_file():
        raise InputError(
            f"{folder}: {part}/{name} is missing; expected a Stable-Diffusion layout with the "
            f"folders {', '.join(PARTS)}"
        )
    return read_json_object(path)


def _check_architecture(folder: Path) -> None:
    for part, wanted in _CLASSES.items():
        config = _config(folder, part, "config.json")
        found = config.get("_class_name") or (config.get("architectures") or ["?"])[0]
        if found not in (wanted, "CLIPTextModelWithProjection" if part == "text_encoder" else ""):
            raise InputError(
                f"{folder}: {part}/config.json names {found}; this engine reads {wanted} "
                "(Stable Diffusion 1.x and 2.x layout)"
            )
    unet, vae = (_config(folder, part, "config.json") for part in ("unet", "vae"))
    if unet.get("in_channels", 4) != vae.get("latent_channels", 4):
        raise InputError(
            f"{folder}: the U-Net takes {unet.get('in_channels')} channels and the VAE gives "
            f"{vae.get('latent_channels', 4)}; inpainting and similar models cannot be scored"
        )
    for key in ("class_embed_type", "addition_embed_type", "num_class_embeds", "encoder_hid_dim"):
        if unet.get(key) is not None:
            raise InputError(
                f"{folder}: unet/config.json sets {key}; only plain text-conditioned U-Nets "
                "(Stable Diffusion 1.x and 2.x) are read"
            )
    if not isinstance(unet.get("sample_size"), int):
        raise InputError(f"{folder}: unet/config.json needs sample_size as one whole number")


def weight_files(folder: Path, part: str) -> list[Path]:
    """The weight files of a part that are loaded: one file, or the shards of an index.

    Raises InputError where there are none, or a shard of the index is missing.
    """
    stem = WEIGHTS[part]
    for variant in ("", ".fp16"):
        whole = folder / part / f"{stem}{variant}.safetensors"
        index = folder / part / f"{stem}.safetensors.index{variant}.json"
        # where both are there, transformers takes the whole file and diffusers the shards
        if whole.is_file() and (part == "text_encoder" or not index.is_file()):
            return [whole]
        if index.is_file():
            shards = _config(folder, part, index.name).get("weight_map")
            names = sorted(set(shards.values())) if isinstance(shards, dict) else []
            missing = [n for n in names if Path(n).name != n or not (folder / part / n).is_file()]
            if missing or not names:
                raise InputError(f"{index}: the shard {missing[0] if missing else '?'} is missing")
            return [folder / part / n for n in names]
    pickled = any((folder / part).glob("*.bin"))
    hint = "only pickled weights are there, which are never loaded" if pickled else "none"
    raise InputError(f"{folder}: {part}/ has no .safetensors weights ({hint})")


def content_of(folder: Path) -> Content:
    """Hashes of everything of a pipeline that is loaded and can change a score."""
    parts = {"family": digest_text(FAMILY.name)}
    for part, name in (("unet", "network"), ("vae", "vae"), ("text_encoder", "text_encoder")):
        parts[name] = digest_safetensors(weight_files(folder, part))
        parts[f"{name}_config"] = digest_json(folder / part / "config.json")
    parts["tokenizer"] = digest_tokenizer(folder / "tokenizer")
    parts["scheduler"] = digest_json(folder / "scheduler" / "scheduler_config.json")
    return Content(parts=parts)


def _variant(folder: Path, part: str) -> str | None:
    return "fp16" if ".fp16" in weight_files(folder, part)[0].name else None


def _load(folder: Path, part: str, kind: Any, dtype: torch.dtype) -> Any:
    from safetensors import SafetensorError
    from transformers.utils import logging

    bar: Any = logging  # no type information

    # the library's own bar would be the only trace of a load that takes a moment
    shown = bar.is_progress_bar_enabled()
    bar.disable_progress_bar()
    keyword = "dtype" if part == "text_encoder" else "torch_dtype"
    try:
        loaded = kind.from_pretrained(
            folder / part,
            use_safetensors=True,
            variant=_variant(folder, part),
            local_files_only=True,
            **{keyword: dtype},
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / part}: cannot be loaded ({reason})") from None
    finally:
        if shown:
            bar.enable_progress_bar()
    return loaded.eval().requires_grad_(requires_grad=False)


def _noising(folder: Path) -> tuple[Prediction, torch.Tensor | None, float]:
    """What the network predicts, the cumulated alphas, and the shift of a flow."""
    config = _config(folder, "scheduler", "scheduler_config.json")
    name = str(config.get("_class_name", ""))
    if name.startswith("FlowMatch"):
        return "flow", None, float(config.get("shift", 1.0))
    found = config.get("prediction_type", "epsilon")
    if found not in ("epsilon", "v_prediction"):
        raise InputError(
            f"{folder}: scheduler/scheduler_config.json has prediction_type {found!r}; expected "
            "epsilon or v_prediction"
        )
    if config.get("num_train_timesteps", 1000) != 1000:  # noqa: PLR2004 # the grid is made for it
        raise InputError(f"{folder}: the scheduler must have num_train_timesteps 1000")
    if config.get("trained_betas") is None and config.get("beta_schedule", "linear") not in _BETAS:
        raise InputError(f"{folder}: unknown beta_schedule {config.get('beta_schedule')!r}")
    from diffusers import DDPMScheduler

    keys = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr")
    known = {key: config[key] for key in keys if config.get(key) is not None}
    make: Any = DDPMScheduler  # no type information
    alphas: torch.Tensor = make(num_train_timesteps=1000, **known).alphas_cumprod
    prediction: Prediction = "epsilon" if found == "epsilon" else "v_prediction"
    return prediction, alphas, 1.0


class StableDiffusion:
    """See `gdbench.models.diffusion_itm.families.Family`."""

    name = "stable-diffusion"

    def load(self, folder: Path, device: torch.device, dtype: torch.dtype) -> Parts:
        """The U-Net in `dtype`, the VAE and the text encoder in float32."""
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer

        _check_architecture(folder)
        prediction, alphas, shift = _noising(folder)
        content = content_of(folder)
        unet = _load(folder, "unet", UNet2DConditionModel, dtype)
        vae = _load(folder, "vae", AutoencoderKL, torch.float32)
        text_encoder = _load(folder, "text_encoder", CLIPTextModel, torch.float32)
        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{folder / 'tokenizer'}: cannot be loaded ({reason})") from None
        width = unet.config.cross_attention_dim
        if isinstance(width, int) and width != text_encoder.config.hidden_size:
            raise InputError(
                f"{folder}: the text encoder gives {text_encoder.config.hidden_size} numbers per "
                f"token and the U-Net expects {width}"
            )
        modules = (unet, vae, text_encoder)
        return Parts(
            unet=unet.to(device, memory_format=default_memory_format(device, dtype)),
            vae=vae.to(device),
            text_encoder=text_encoder.to(device),
            tokenizer=tokenizer,
            alphas_cumprod=None if alphas is None else alphas.to(device),
            shift=shift,
            prediction=prediction,
            folder=folder,
            content=content,
            parameters=sum(p.numel() for m in modules for p in m.parameters()),
        )


FAMILY = StableDiffusion()
