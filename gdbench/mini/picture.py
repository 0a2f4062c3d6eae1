"""A picture that is drawn when it is opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from gdbench.mini.geometry import Pixels
from gdbench.mini.scenes import Content, Key, render


@dataclass(frozen=True)
class Drawn:
    """A reference to a scene; the same reference draws the same bytes everywhere."""

    content: Content
    key: Key
    surroundings: str | None = None  # kind of background; None: drawn at random from the key

    @property
    def sha256(self) -> str:
        """Hash of the pixels (hex)."""
        return _sha256(self)

    def pixels(self) -> Pixels:
        """Return the picture as uint8 of shape (64, 64, 3)."""
        return render(self.content, self.key, self.surroundings)

    def open(self) -> Image.Image:
        """Return the picture in mode RGB."""
        return Image.fromarray(self.pixels())


@lru_cache(maxsize=65536)
def _sha256(picture: Drawn) -> str:
    return hashlib.sha256(picture.pixels().tobytes()).hexdigest()
