"""Floating-point operations of Stable Diffusion 2.1-base by part, counted without weights.

    python -m benchmarks.flops

The networks are built on torch's "meta" device: shapes without numbers, in a second or two.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import sd21
from gdbench.models.diffusion_itm.stem import StemUNet


def gflop(call: Callable[[], object]) -> float:
    """10**9 floating-point operations of a call (a multiplication and an addition are two)."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops()) / 1e9


def main() -> None:
    """Count and print."""
    with torch.device("meta"):
        unet, vae, text_encoder = sd21.unet(), sd21.vae(), sd21.text_encoder()
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
