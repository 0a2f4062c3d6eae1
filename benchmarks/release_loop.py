"""The loop of the 2023 release, written anew in its order of work, to measure against.

The release takes a batch of items and goes through their pairs one after the other: a pair is
(picture i, text j) of every item of the batch. For it, at every timestep, it encodes the pictures
again, draws a new posterior sample, and runs the network once: on the batch, or, where it
normalises, on the batch twice as long that holds the unconditional half too. Nothing is kept from
one pair to the next. It uses the same modules, of the same libraries, as the engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gdbench.models.diffusion_itm.denoiser import VariancePreserving
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.preprocess import to_tensor
from gdbench.protocol import Item

BATCH_SIZES = (1, 4)
"""The smallest, and the release's default."""


class ReleaseLoop:
    """Scores of items, computed the way the release computes them."""

    def __init__(self, pipeline: Pipeline, noise: torch.Tensor, timesteps: Sequence[int]) -> None:
        if not isinstance(pipeline.noising, VariancePreserving):
            raise TypeError("the release knows no flow models")
        self.pipeline, self.noise, self.timesteps = pipeline, noise, tuple(timesteps)
        self.alphas = pipeline.noising.alphas_cumprod

    def matrices(
        self, items: Sequence[Item], *, normalise: bool, batch_size: int
    ) -> list[NDArray[np.float32]]:
        """Scores of each item, (n_images, n_texts); a batch holds items of one shape."""
        found = []
        with torch.inference_mode():
            for batch in _batches(items, batch_size):
                found += list(self._batch(batch, normalise=normalise))
        return found

    def _batch(self, batch: Sequence[Item], *, normalise: bool) -> NDArray[np.float32]:
        """(n_items, n_images, n_texts)."""
        resolution = self.pipeline.resolution
        pixels = [[to_tensor(image.open(), resolution) for image in i.images] for i in batch]
        scores = np.empty((len(batch), len(batch[0].images), len(batch[0].texts)), np.float32)
        for i, j in np.ndindex(*scores.shape[1:]):
            pictures = torch.stack([each[i] for each in pixels])
            texts = [item.texts[j] for item in batch]
            scores[:, i, j] = self._pair(pictures, texts, normalise=normalise)
        return scores

    def _pair(
        self, pixels: torch.Tensor, texts: list[str], *, normalise: bool
    ) -> NDArray[np.float32]:
        """Minus the mean of || e - e(text) ||, if `normalise` less || e - e("") ||: (batch,)."""
        vae, unet, copies = self.pipeline.vae, self.pipeline.network, 2 if normalise else 1
        prompts = self._prompts([""] * len(texts) + texts if normalise else texts)
        total = torch.zeros(len(texts))
        for k, t in enumerate(self.timesteps):
            latents = vae.config.scaling_factor * vae.encode(pixels).latent_dist.sample()
            alpha = self.alphas[t]
            noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * self.noise[k][None]
            predicted = unet(torch.cat([noisy] * copies), torch.tensor(t), prompts).sample
            distances = (self.noise[k][None] - predicted).flatten(1).norm(dim=1)
            if normalise:
                unconditional, conditional = distances.chunk(2)
                distances = conditional - unconditional
            total -= distances
        return np.asarray(total / len(self.timesteps))

    def _prompts(self, texts: list[str]) -> torch.Tensor:
        tokenizer = self.pipeline.modules["tokenizer"]
        tokens = tokenizer(
            texts,
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        hidden: torch.Tensor = self.pipeline.modules["text_encoder"](
            tokens.input_ids
        ).last_hidden_state
        return hidden


def _batches(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    def shape(item: Item) -> tuple[int, int]:
        return len(item.images), len(item.texts)

    for _, alike in itertools.groupby(items, shape):
        group = list(alike)
        for start in range(0, len(group), size):
            yield group[start : start + size]
