"""The smallest honest model: does a picture have the colours that a sentence names?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdbench import ModelCard

COLOURS = {
    "red": (210, 50, 50), "green": (60, 160, 70), "blue": (50, 90, 200),
    "yellow": (230, 200, 50), "purple": (130, 60, 160), "orange": (230, 130, 40),
    "pink": (230, 130, 180), "brown": (120, 80, 50), "black": (30, 30, 30),
    "white": (240, 240, 240), "grey": (128, 128, 128), "gray": (128, 128, 128),
    "cyan": (60, 190, 200),
}  # fmt: skip
_SIDE = 64
_SOFTNESS = 40.0  # of a pixel's choice among the colours, in steps of 256


class ColourWords:
    """Mean over the colours that a text names of the logarithm of their share in the picture."""

    card = ModelCard(
        name="example-model",
        family="other",
        license="Apache-2.0",
        description="Counts pixels of the colours that a sentence names",
    )

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> NDArray[np.float64]:
        """Scores of shape (len(images), len(texts)); 0 for a text without colour words."""
        shares = [self._shares(image) for image in images]
        return np.array([[self._match(share, text) for text in texts] for share in shares])

    def _shares(self, image: Image.Image) -> dict[str, float]:
        """How much of a picture has each colour; each pixel is divided among the near ones."""
        pixels = np.asarray(image.convert("RGB").resize((_SIDE, _SIDE)), dtype=np.float64)
        named = np.array(list(COLOURS.values()), dtype=np.float64)
        distance = np.linalg.norm(pixels.reshape(-1, 1, 3) - named, axis=-1)
        weight = np.exp((distance.min(axis=1, keepdims=True) - distance) / _SOFTNESS)
        weight /= weight.sum(axis=1, keepdims=True)
        return dict(zip(COLOURS, weight.mean(axis=0).tolist(), strict=True))

    def _match(self, shares: dict[str, float], text: str) -> float:
        words = text.lower().replace(",", " ").replace(".", " ").split()
        named = [word for word in words if word in COLOURS]
        return float(np.mean([np.log(shares[word]) for word in named])) if named else 0.0
