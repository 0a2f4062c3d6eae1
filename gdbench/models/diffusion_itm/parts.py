"""The parts of a pipeline that were loaded, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gdbench.models.diffusion_itm.denoiser import Denoiser, Network, Prediction, denoiser_of
from gdbench.records import Content


@dataclass(frozen=True)
class Parts:
    """The parts of a pipeline, on the device, in evaluation mode."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    alphas_cumprod: torch.Tensor | None  # (1000,) float32; None for flow matching
    shift: float  # of the noise levels, flow matching only
    prediction: Prediction
    folder: Path
    content: Content
    """Hashes of `network`, `vae`, `text_encoder` (their tensors), their `…_config`, of the
    `tokenizer`, the `scheduler` and the `family`."""
    parameters: int

    @property
    def resolution(self) -> int:
        """Side of the input picture in pixels."""
        return int(self.unet.config.sample_size) * self.vae_factor

    @property
    def vae_factor(self) -> int:
        """How many pixels of a side become one latent."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a latent."""
        side = int(self.unet.config.sample_size)
        return int(self.unet.config.in_channels), side, side

    @property
    def weights_sha256(self) -> str:
        """Hash over the tensors alone."""
        return self.content.of("network", "vae", "text_encoder")

    def denoiser(self, network: Network, dtype: torch.dtype) -> Denoiser:
        """What turns the network's prediction into an error of the noise."""
        return denoiser_of(self.prediction, network, self.alphas_cumprod, self.shift, dtype)
