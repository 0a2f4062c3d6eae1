"""The parts of Stable Diffusion 2.1-base in their shapes, with random weights and no download."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel


def unet() -> Any:  # a diffusers network
    """The network, for latents of 64 x 64."""
    return UNet2DConditionModel(
        sample_size=64,
        attention_head_dim=(5, 10, 20, 20),
        cross_attention_dim=1024,
        use_linear_projection=True,
    )


def vae() -> Any:  # a diffusers network
    """The VAE, for pictures of 512 x 512."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
    )


def text_encoder() -> CLIPTextModel:
    """The text encoder, for 77 tokens."""
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=23,
            num_attention_heads=16,
            max_position_embeddings=77,
        )
    )
