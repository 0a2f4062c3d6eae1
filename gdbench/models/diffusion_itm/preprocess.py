"""From a picture to the tensor that the VAE encodes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gdbench.protocol import ImageRef

Pixels = NDArray[np.uint8]  # (side, side, 3)
_MOST_READERS = 8


def resized(image: Image.Image, resolution: int) -> Pixels:
    """An upright RGB picture as (resolution, resolution, 3).

    Squashed, not cropped, with Pillow's bicubic filter, as in the 2023 release.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if rgb.size != (resolution, resolution):
        rgb = rgb.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.asarray(rgb)


def to_tensor(image: Image.Image, resolution: int) -> torch.Tensor:
    """As `resized`, as float32 of shape (3, resolution, resolution) in -1..1.

    The release scales a batch without any dark pixel to -1..1 a second time; that is never
    repeated here.
    """
    return scaled(resized(image, resolution))


def scaled(pixels: Pixels) -> torch.Tensor:
    """Pixels as float32 of shape (3, side, side) in -1..1."""
    unit = torch.from_numpy(pixels.astype(np.float32) / 255.0)
    return (unit * 2.0 - 1.0).permute(2, 0, 1).contiguous()


class Reader:
    """Decodes and resizes pictures in threads, while the network runs.

    Pillow lets go of Python's lock while it decodes and resizes.
    """

    def __init__(self, resolution: int) -> None:
        self.resolution = resolution
        self._pool = ThreadPoolExecutor(
            min(_MOST_READERS, os.cpu_count() or 1), thread_name_prefix="gdbench-read"
        )

    def start(self, images: Iterable[ImageRef]) -> dict[str, Future[Pixels]]:
        """Pixels on their way, by the picture's hash; a future raises what the picture does."""
        return {image.sha256: self._pool.submit(self._read, image) for image in images}

    def _read(self, image: ImageRef) -> Pixels:
        return resized(image.open(), self.resolution)
