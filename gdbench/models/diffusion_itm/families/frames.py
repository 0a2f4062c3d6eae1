"""VAEs of videos that encode a picture as a video of one frame."""

from __future__ import annotations

from torch import Tensor

from gdbench.models.diffusion_itm.families.base import Pipeline


class OneFrame(Pipeline):
    """See `Pipeline`, with an AutoencoderKLQwenImage: a mean and a spread for each channel."""

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        return int(2 ** len(self.vae.config.temperal_downsample))

    @property
    def channels(self) -> int:
        """See `Pipeline`."""
        return int(self.vae.config.z_dim)

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """See `Pipeline`."""
        return super().encode_pictures(pixels[:, :, None])[:, :, 0]
