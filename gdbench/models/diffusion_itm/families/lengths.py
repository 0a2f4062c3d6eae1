"""Networks that read a text at its own length, and not at one length for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gdbench.models.diffusion_itm.conditioning import Prompt, padded
from gdbench.models.diffusion_itm.families.base import Pipeline

STEP = 32
"""Rows are padded to multiples of it, so that a network sees few shapes."""


class OwnLength(Pipeline):
    """See `Pipeline`. `encode_texts` is given one text at a time, as it is without any padding.

    So a row depends on nothing beside it. It is padded to a multiple of `STEP` that follows from
    the text alone, with a `mask` where something is padded (see `padded`).
    """

    sequences: ClassVar[tuple[str, ...]] = ("embeddings",)
    """The conditions that are as long as the text."""

    def condition(self, texts: Sequence[str]) -> list[Prompt]:
        """See `Pipeline`."""
        condition = super().condition
        with self.encoders_at_hand():
            made = {text: condition([text])[0] for text in dict.fromkeys(texts)}
        return [padded(made[text], self.sequences, STEP) for text in texts]
