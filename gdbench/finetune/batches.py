"""Which examples, timesteps and noise a step sees: all of it a function of (seed, place).

The place of an example in a run is its number in the endless sequence of shuffled epochs. Nothing
depends on a process's random state, so any number of processes, and a run that was interrupted,
see the same examples with the same noise.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdbench.finetune.examples import Example, Negatives, TrainingData, choose_negative

TIMESTEPS = 1000


def hashed(*key: str | int) -> int:
    """A seed from what it is for."""
    digest = hashlib.sha256("/".join(str(part) for part in key).encode()).digest()
    return int.from_bytes(digest[:7], "big")


@lru_cache(maxsize=2)
def _shuffled(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    return np.random.default_rng(hashed("epoch", seed, epoch)).permutation(n)


@dataclass(frozen=True)
class Drawn:
    """An example with its timestep in 0..999 and standard normal noise (C, H, W)."""

    example: Example
    timestep: int
    noise: Tensor


class Sampler:
    """The sequence of training examples of a run."""

    def __init__(
        self, data: TrainingData, negatives: Negatives, shape: tuple[int, int, int], seed: int
    ) -> None:
        self.data, self.negatives, self.shape, self.seed = data, negatives, shape, seed

    def at(self, place: int) -> Drawn:
        """The example at a place, with timestep and noise."""
        generator = torch.Generator().manual_seed(hashed("noise", self.seed, place))
        timestep = int(torch.randint(TIMESTEPS, (), generator=generator))
        noise = torch.randn(self.shape, generator=generator)
        return Drawn(self.example(place), timestep, noise)

    def example(self, place: int) -> Example:
        """The example at a place; each epoch has every example once."""
        epoch, rest = divmod(place, len(self.data))
        index = int(_shuffled(self.seed, epoch, len(self.data))[rest])
        rng = random.Random(hashed("negative", self.seed, place))
        return self.data.example(index, choose_negative(self.negatives, rng), rng)


def places(
    step: int, micro: int, rank: int, *, processes: int, accumulation: int, size: int
) -> range:
    """Places of one micro-batch. Micro-batches go to the processes in turn.

    So one process with twice the accumulation forms the same micro-batches as two processes.
    """
    start = ((step * accumulation + micro) * processes + rank) * size
    return range(start, start + size)
