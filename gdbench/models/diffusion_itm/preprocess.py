"""From a picture to the tensor that the VAE encodes."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def to_tensor(image: Image.Image, resolution: int) -> torch.Tensor:
    """An upright RGB picture as float32 of shape (3, resolution, resolution) in -1..1.

    Squashed, not cropped, with Pillow's bicubic filter, as in the 2023 release. The release
    scales a batch without any dark pixel to -1..1 a second time; that is never repeated here.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if rgb.size != (resolution, resolution):
        rgb = rgb.resize((resolution, resolution), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(rgb, dtype=np.float32) / 255.0)
    return (pixels * 2.0 - 1.0).permute(2, 0, 1).contiguous()
