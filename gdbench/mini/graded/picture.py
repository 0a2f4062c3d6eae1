"""A picture of version 2 that is drawn when it is opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from gdbench.mini.geometry import Pixels
from gdbench.mini.graded.contents import GradedContent
from gdbench.mini.graded.drawing import render
from gdbench.mini.scenes import Key


@dataclass(frozen=True)
class Graded:
    """A reference to a scene at a level; the same reference draws the same bytes everywhere."""

    content: GradedContent
    key: Key
    level: int

    @property
    def sha256(self) -> str:
        """Hash of the pixels (hex)."""
        return _sha256(self)

    def pixels(self) -> Pixels:
        """Return the picture as uint8 of shape (64, 64, 3)."""
        return render(self.content, self.key, self.level)

    def open(self) -> Image.Image:
        """Return the picture in mode RGB."""
        return Image.fromarray(self.pixels())


@lru_cache(maxsize=65536)
def _sha256(picture: Graded) -> str:
    return hashlib.sha256(picture.pixels().tobytes()).hexdigest()
