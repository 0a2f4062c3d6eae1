"""Latents as a sequence of 2 x 2 patches, as FLUX and its successors take them."""

from __future__ import annotations

from torch import Tensor

SIDE = 2


def pack(x: Tensor) -> Tensor:
    """(B, C, h, w) to (B, h/2 * w/2, 4 C): rows first, a patch channel by channel."""
    batch, channels, height, width = x.shape
    patches = x.view(batch, channels, height // SIDE, SIDE, width // SIDE, SIDE)
    patches = patches.permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(batch, (height // SIDE) * (width // SIDE), channels * SIDE * SIDE)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `pack`, for latents of that height and width."""
    batch, _, wide = tokens.shape
    channels = wide // SIDE**2
    patches = tokens.view(batch, height // SIDE, width // SIDE, channels, SIDE, SIDE)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)
