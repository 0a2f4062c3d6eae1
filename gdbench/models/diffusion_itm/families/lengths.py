"""Networks that read a text at its own length, and not at one length for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gdbench.models.diffusion_itm.conditioning import Prompt, padded
from gdbench.models.diffusion_itm.families.base import Pipeline

STEP = 32
"""Rows are padded to multiples of it, so that a network sees few shapes."""


class OneByOne(Pipeline):
    """See `Pipeline`. `encode_texts` is given one text at a time, as it is without any padding.

    So a row depends on nothing beside it; rows of one length share batches.
    """

    def condition(self, texts: Sequence[str]) -> list[Prompt]:
        """See `Pipeline`."""
        condition = super().condition
        with self.encoders_at_hand():
            made = {text: condition([text])[0] for text in dict.fromkeys(texts)}
        return [made[text] for text in texts]


class OwnLength(OneByOne):
    """See `OneByOne`. Rows are padded to a multiple of `STEP` that follows from the text alone.

    A `mask` says so where something is padded (see `padded`).
    """

    sequences: ClassVar[tuple[str, ...]] = ("embeddings",)
    """The conditions that are as long as the text."""

    def condition(self, texts: Sequence[str]) -> list[Prompt]:
        """See `Pipeline`."""
        return [padded(prompt, self.sequences, STEP) for prompt in super().condition(texts)]
