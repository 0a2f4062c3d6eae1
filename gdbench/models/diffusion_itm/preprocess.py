"""From a picture to the tensor that the VAE encodes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # (side, side, 3)


def resized(image: Image.Image, resolution: int) -> Pixels:
    """An upright RGB picture as (resolution, resolution, 3).

    Squashed, not cropped, with Pillow's bicubic filter, as in the 2023 release.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if rgb.size != (resolution, resolution):
        rgb = rgb.resize((resolution, resolution), Image.Resampling.BICUBIC)
    # a copy, which may be written: torch asks for that
    return np.array(rgb)


def to_tensor(image: Image.Image, resolution: int) -> torch.Tensor:
    """As `resized`, as float32 of shape (3, resolution, resolution) in -1..1.

    The release scales a batch without any dark pixel to -1..1 a second time; that is never
    repeated here.
    """
    return scaled(torch.from_numpy(resized(image, resolution))[None])[0]


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels (B, side, side, 3), uint8, as float32 of shape (B, 3, side, side) in -1..1.

    Looked up, not computed: a device may divide by multiplying with the inverse.
    """
    levels = np.arange(256, dtype=np.float32) / 255.0 * 2.0 - 1.0
    table = torch.from_numpy(levels).to(pixels.device, non_blocking=True)
    return table[pixels.int()].permute(0, 3, 1, 2).contiguous()
