"""What a text becomes for a network: a row of named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Conditions = Mapping[str, Tensor]
"""Rows of several texts side by side: each tensor has the texts as its first dimension."""
Shapes = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Prompt:
    """One encoded text.

    `tensors` maps names that the family chooses (token embeddings, a mask, a pooled vector) to
    tensors without a batch dimension, on the device. Rows of one batch have the same shapes:
    where a family's texts differ in length, it pads each row to a length that follows from that
    text alone, so that no result depends on what shares the batch.
    """

    tensors: Mapping[str, Tensor]
    unread: bool = False
    """Whether the text was not read as it stands: cut, or with signs of a tokenizer in it."""
    shapes: Shapes = field(init=False)

    def __post_init__(self) -> None:
        """Note the shapes, by which rows are sorted into batches."""
        shapes = tuple((name, tuple(t.shape)) for name, t in sorted(self.tensors.items()))
        object.__setattr__(self, "shapes", shapes)

    @property
    def n_bytes(self) -> int:
        """Size in memory."""
        return sum(t.numel() * t.element_size() for t in self.tensors.values())

    @property
    def is_finite(self) -> bool:
        """Whether every number of it is."""
        return all(bool(torch.isfinite(t).all()) for t in self.tensors.values())

    def zeros(self) -> Prompt:
        """The same row with zeros for every embedding; masks, which are no floats, stay."""
        return Prompt(
            {
                n: torch.zeros_like(t) if t.is_floating_point() else t
                for n, t in self.tensors.items()
            }
        )


def padded(prompt: Prompt, names: Sequence[str], step: int) -> Prompt:
    """A row whose sequences `names`, along their first dimension, get a multiple of `step` long.

    They end with zeros, and a bool tensor `mask` says which are none of these. A row that is as
    long already stays as it is, without a mask: it shares no batch with those that have one.
    """
    length = len(prompt.tensors[names[0]])
    missing = -length % step
    if not missing:
        return prompt
    sequences = {name: prompt.tensors[name] for name in names}
    longer = {
        name: torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])])
        for name, tensor in sequences.items()
    }
    device = sequences[names[0]].device
    longer["mask"] = torch.arange(length + missing, device=device) < length
    return Prompt({**prompt.tensors, **longer}, prompt.unread)


def stacked(prompts: Sequence[Prompt]) -> dict[str, Tensor]:
    """Rows of equal shapes side by side."""
    return {
        name: torch.stack([prompt.tensors[name] for prompt in prompts])
        for name in prompts[0].tensors
    }


def rows(conditions: Mapping[str, Tensor], unread: Sequence[bool]) -> list[Prompt]:
    """The rows of a batch, one for each text, as copies.

    A view would keep the whole batch alive in a cache.
    """
    return [
        Prompt({name: tensor[row].clone() for name, tensor in conditions.items()}, flag)
        for row, flag in enumerate(unread)
    ]
