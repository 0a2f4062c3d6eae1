"""What pictures become in a pipeline: sides, latents, and what a network was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families.fitting import told
from gdbench.models.diffusion_itm.families.normalisation import normalised
from gdbench.records import ModelSettings


class Pictures:
    """The half of a `Pipeline` that pictures go through."""

    default_resolution: ClassVar[int] = 1024
    """Side in pixels where no configuration names one."""
    folder: Path
    network: Any
    vae: Any
    settings: ModelSettings
    resolution: int

    @property
    def sample_size(self) -> int | None:
        """Side of a latent that the network's configuration names.

        Raises InputError where it names two that differ, and no other side was asked for.
        """
        size = self.network.config.get("sample_size")
        if isinstance(size, list | tuple) and len(set(size)) == 1:
            size = size[0]
        if isinstance(size, list | tuple) and self.settings.resolution is None:
            raise InputError(
                f"{self.folder}: the network's sample_size is {list(size)}; pictures are scored as "
                "squares: give --resolution"
            )
        return size if isinstance(size, int) else None

    @property
    def patch(self) -> int:
        """Latents of a side that become one token: sides are whole multiples of it."""
        size = self.network.config.get("patch_size") or 1
        return int(size[-1] if isinstance(size, list | tuple) else size)

    @property
    def vae_factor(self) -> int:
        """How many pixels of a side become one latent."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.vae.config.latent_channels)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a latent."""
        side = self.resolution // self.vae_factor
        return self.channels, side, side

    def chosen_resolution(self) -> int:
        """Side of the input picture in pixels: the one asked for, else the network's own.

        Raises InputError for a side that the network cannot cut into whole patches.
        """
        step = self.vae_factor * self.patch
        chosen, own = self.settings.resolution, self.sample_size
        if chosen is None and own is None:
            return self.default_resolution
        if chosen is None and own is not None and not own * self.vae_factor % step:
            return own * self.vae_factor
        if chosen is None:
            raise InputError(
                f"{self.folder}: the network's sample_size {own} is no multiple of its patches of "
                f"{self.patch}; give --resolution as a multiple of {step}"
            )
        if chosen % step:
            raise InputError(
                f"--resolution {chosen}: the sides of this model are multiples of {step}"
            )
        return chosen

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """Latents of pixels (B, 3, H, W) in -1..1, before normalisation: the posterior's mean."""
        mean: Tensor = self.vae.encode(pixels).latent_dist.mean
        return mean

    def latents(self, pixels: Tensor) -> Tensor:
        """Latents (B, C, h, w), float32, as the network was trained on them."""
        with torch.inference_mode(), told(self.folder, "the VAE"):
            return normalised(self.encode_pictures(pixels).float(), self.vae.config)

    @property
    def n_tokens(self) -> int:
        """Length of the image's sequence in the network."""
        _, height, width = self.latent_shape
        return (height // self.patch) * (width // self.patch)
