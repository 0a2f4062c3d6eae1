"""Training examples: a picture, its caption, and a pair that does not match."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, Protocol

from gdbench.protocol import ImageRef

Negative = Literal["none", "random-text", "hard-text", "hard-image"]
"""What the negative of one example is."""
Negatives = Literal["none", "random-text", "hard-text", "hard-image", "mixed"]
"""What the negatives of a run are: the rows of the paper's ablation."""
NEGATIVES: tuple[Negatives, ...] = ("none", "random-text", "hard-text", "hard-image", "mixed")

_HARD_IMAGES, _HARD_TEXTS = 0.5, 0.25  # shares in "mixed" (2023 release); the rest is random text


@dataclass(frozen=True, slots=True)
class Example:
    """A matching pair; the negative pair is (`negative_image`, `negative_text`)."""

    image: ImageRef
    text: str
    negative_image: ImageRef
    negative_text: str


class TrainingData(Protocol):
    """Examples by index; the same index, kind and random stream give the same example."""

    @property
    def fingerprint(self) -> str:
        """Hash of what the examples are made from (hex)."""

    def __len__(self) -> int:
        """How many matching pairs there are."""

    def example(self, index: int, negative: Negative, rng: random.Random) -> Example:
        """Pair `index` with a negative; without one, the negative pair is the pair itself."""


def choose_negative(negatives: Negatives, rng: random.Random) -> Negative:
    """The kind of one example's negative: with "mixed" 50 % image, 25 % hard, 25 % random text."""
    if negatives != "mixed":
        return negatives
    drawn = rng.random()
    if drawn < _HARD_IMAGES:
        return "hard-image"
    return "hard-text" if drawn < _HARD_IMAGES + _HARD_TEXTS else "random-text"
