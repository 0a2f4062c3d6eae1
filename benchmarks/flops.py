"""Floating-point operations of Stable Diffusion 2.1-base by part, counted without weights.

    python -m benchmarks.flops

The networks are built on torch's "meta" device: shapes without numbers, in a second or two.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

from gdbench.models.diffusion_itm.stem import StemUNet


def gflop(call: Callable[[], object]) -> float:
    """10**9 floating-point operations of a call (a multiplication and an addition are two)."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops()) / 1e9


def main() -> None:
    """Count and print."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=64,
            attention_head_dim=(5, 10, 20, 20),
            cross_attention_dim=1024,
            use_linear_projection=True,
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=512,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=23,
                num_attention_heads=16,
                max_position_embeddings=77,
            )
        )
        latent, prompt = torch.zeros(1, 4, 64, 64), torch.zeros(1, 77, 1024)
        when = torch.zeros(1, dtype=torch.long)
        tokens = torch.zeros(1, 77, dtype=torch.long)
        pixels = torch.zeros(1, 3, 512, 512)
        network = StemUNet(unet)
        parts = {
            "VAE encoding of one image": gflop(lambda: vae.encode(pixels)),
            "one U-Net pass": gflop(lambda: unet(latent, when, prompt)),
            "of it, before the first cross-attention": gflop(lambda: network._stem(latent, when)),  # noqa: SLF001 # no public part of it
            "text encoding of one caption": gflop(lambda: text_encoder(tokens)),
        }
    for name, count in parts.items():
        print(f"{name:<42}{count:8.1f} GFLOP")


if __name__ == "__main__":
    main()
