"""Pipelines that read captions with Gemma-2, behind an instruction of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import torch

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.digests import digest_text

_SHORT = 16  # characters of a text's hash in a setting


class Instructed(Pipeline):
    """See `Pipeline`. The empty caption has no instruction: it is the pipelines' own null."""

    uses = frozenset({"max_length"})

    @property
    @abstractmethod
    def instruction(self) -> str:
        """What the tokenizer is given before a caption."""

    @abstractmethod
    def encode_captions(self, texts: list[str]) -> Conditions:
        """As `encode_texts`, of captions behind the instruction."""

    @abstractmethod
    def encode_empty(self, n: int) -> Conditions:
        """Rows of the empty caption without the instruction."""

    @classmethod
    def encoder_dtype(cls, device: torch.device, dtype: torch.dtype) -> torch.dtype:
        """See `Pipeline`; Gemma-2 overflows in float16."""
        known = super().encoder_dtype(device, dtype)
        return torch.bfloat16 if known == torch.float16 else known

    def check(self) -> None:
        """See `Pipeline`."""
        tokenizer, length = self.readers()[0]
        spent = len(tokenizer(self.instruction, verbose=False)["input_ids"])
        if spent >= length:
            raise InputError(
                f"--max-length {self.max_length}: no room for a caption behind the "
                f"instruction of {self.name}, which has {spent} tokens"
            )

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return self.instruction + text if text else text

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """Gemma's tokens and which of them are no padding."""
        parts = []
        for said, group in groupby(texts, key=bool):
            captions = list(group)
            parts.append(
                self.encode_captions(captions) if said else self.encode_empty(len(captions))
            )
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """See `Pipeline`; the instruction by its hash."""
        return super().chosen | {"extra": {"instruction": digest_text(self.instruction)[:_SHORT]}}

    @property
    def texts_sha256(self) -> str:
        """See `Pipeline`."""
        return digest_text(f"{super().texts_sha256} {digest_text(self.instruction)}")
