"""A random model in the proportions of Stable Diffusion 2.1-base, small enough for a CPU.

Widths are divided by `shrink` and sides by its square root (a quarter and a half by default, so
1/64 of the work): convolutions and attention then keep their shares of the work. `flops()`
counts it part by part, so that the proportions can be checked.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from gdbench.models.diffusion_itm.families.base import Pipeline

SIDES = {4: 32, 8: 24, 16: 16}  # shrink -> side of the latent; SD has 64
_TEXT_LAYERS = {4: 6, 8: 3, 16: 2}  # 77 tokens stay 77: fewer layers keep the share of the work
SD_GFLOP = {"vae": 1117.0, "unet": 804.0}


def make_scaled_sd(folder: Path, shrink: int = 4) -> Path:
    """Write the model in Stable-Diffusion layout; its weights depend on nothing but a seed."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    wide, side = 1024 // shrink, SIDES[shrink]
    unet = UNet2DConditionModel(
        sample_size=side,
        block_out_channels=tuple(c // shrink for c in (320, 640, 1280, 1280)),
        attention_head_dim=(1, 2, 4, 4),  # numbers of heads: their width stays near SD's 64
        cross_attention_dim=wide,
        norm_num_groups=32 // shrink,
        use_linear_projection=True,
    )
    vae = AutoencoderKL(
        block_out_channels=tuple(c // shrink for c in (128, 256, 512, 512)),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=32 // shrink,
        sample_size=8 * side,
    )
    alphabet = sorted(ByteLevel.alphabet())
    words = [*alphabet, *(c + "</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=wide,
            intermediate_size=4 * wide,
            num_hidden_layers=_TEXT_LAYERS[shrink],
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=len(words) - 2,
            eos_token_id=len(words) - 1,
            pad_token_id=0,
        )
    )
    for name, part in (("unet", unet), ("vae", vae), ("text_encoder", text_encoder)):
        part.save_pretrained(folder / name)
    DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).save_pretrained(folder / "scheduler")
    CLIPTokenizer(
        vocab={word: n for n, word in enumerate(words)},
        merges=[],
        pad_token="!",  # noqa: S106 # a token of text
        model_max_length=77,
    ).save_pretrained(folder / "tokenizer")
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline"}), encoding="utf-8"
    )
    return folder


def scaled_sd_folder(shrink: int = 4) -> Path:
    """The model in a temporary folder."""
    return make_scaled_sd(Path(tempfile.mkdtemp(prefix="scaled-sd-")), shrink)


def flops(pipeline: Pipeline) -> dict[str, int]:
    """Floating-point operations of one VAE encoding, one U-Net pass, one text encoding."""
    from torch.utils.flop_counter import FlopCounterMode

    def count(call: Any) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            call()
        return int(counter.get_total_flops())

    channels, height, width = pipeline.latent_shape
    text_encoder, unet = pipeline.modules["text_encoder"], pipeline.network
    length = text_encoder.config.max_position_embeddings
    pixels = torch.zeros(1, 3, pipeline.resolution, pipeline.resolution)
    latent = torch.zeros(1, channels, height, width)
    prompt = torch.zeros(1, length, unet.config.cross_attention_dim)
    tokens = torch.zeros(1, length, dtype=torch.long)
    return {
        "vae": count(lambda: pipeline.vae.encode(pixels)),
        "unet": count(lambda: unet(latent, torch.tensor([10]), prompt)),
        "text_encoder": count(lambda: text_encoder(tokens)),
    }
