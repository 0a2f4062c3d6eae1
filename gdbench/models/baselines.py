"""Controls that need no weights: the floor of every task."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gdbench.models.entry import LoadOptions
from gdbench.protocol import Matrix, ModelCard
from gdbench.records import ModelSettings


class Constant:
    """Zero for every pair: exactly at chance on every task."""

    card = ModelCard(
        name="constant", revision="1", family="control", description="The same score for all pairs"
    )

    def __init__(self, options: LoadOptions | None = None) -> None:
        self.settings = ModelSettings(seed=(options or LoadOptions()).seed)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Zeros of shape (len(images), len(texts))."""
        return np.zeros((len(images), len(texts)), dtype=np.float32)


class Random:
    """A number in [0, 1) that depends on seed, picture and text alone."""

    card = ModelCard(
        name="random", revision="1", family="control", description="A seeded random score"
    )

    def __init__(self, options: LoadOptions | None = None) -> None:
        self.settings = ModelSettings(seed=(options or LoadOptions()).seed)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Shape (len(images), len(texts)); the same pair always has the same score."""
        pictures = [hashlib.sha256(i.tobytes()).digest() for i in images]
        return np.array([[self._number(p, t) for t in texts] for p in pictures], dtype=np.float32)

    def _number(self, picture: bytes, text: str) -> float:
        digest = hashlib.sha256(
            f"{self.settings.seed}\0".encode() + picture + text.encode()
        ).digest()
        return int.from_bytes(digest[:3], "big") / 2**24
