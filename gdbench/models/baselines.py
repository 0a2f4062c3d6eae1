"""Controls that need no weights: the floor of every task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from gdbench.errors import InputError
from gdbench.models.digests import digest_text
from gdbench.models.kinds import ModelEntry
from gdbench.protocol import ITMModel, Matrix, ModelCard
from gdbench.records import Content, ModelSettings, Prices
from gdbench.run import ModelRequest, Where


class Constant:
    """Zero for every pair: exactly at chance on every task."""

    card = ModelCard(
        name="constant", revision="1", family="control", description="The same score for all pairs"
    )
    content = Content(parts={"baseline": digest_text("constant 1")})
    prices = Prices()

    def __init__(self, seed: int = 0) -> None:
        self.settings = ModelSettings(seed=seed)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Zeros of shape (len(images), len(texts))."""
        return np.zeros((len(images), len(texts)), dtype=np.float32)


class Random:
    """A number in [0, 1) that depends on seed, picture and text alone."""

    card = ModelCard(
        name="random", revision="1", family="control", description="A seeded random score"
    )
    content = Content(parts={"baseline": digest_text("random 1")})
    prices = Prices()

    def __init__(self, seed: int = 0) -> None:
        self.settings = ModelSettings(seed=seed)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Shape (len(images), len(texts)); the same pair always has the same score."""
        pictures = [hashlib.sha256(i.tobytes()).digest() for i in images]
        return np.array([[self._number(p, t) for t in texts] for p in pictures], dtype=np.float32)

    def _number(self, picture: bytes, text: str) -> float:
        digest = hashlib.sha256(
            f"{self.settings.seed}\0".encode() + picture + text.encode()
        ).digest()
        return int.from_bytes(digest[:3], "big") / 2**24


_CLASSES: dict[str, Callable[[int], ITMModel]] = {"Constant": Constant, "Random": Random}


class BaselineKind:
    """The controls that need no weights."""

    name = "baseline"
    # they run on whatever there is
    uses = frozenset({"device"})

    def claim(self, source: str) -> ModelEntry | None:
        """None: they are had by name only."""
        del source
        return None

    def is_here(self, entry: ModelEntry) -> bool:
        """True."""
        del entry
        return True

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """The control of that class, seeded. Raises InputError for an unknown class."""
        del where
        if entry.source not in _CLASSES:
            raise InputError(f"there is no baseline {entry.source!r}: {', '.join(_CLASSES)}")
        return _CLASSES[entry.source](request.settings.seed)


KIND = BaselineKind()
