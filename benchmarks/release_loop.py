"""The loop of the 2023 release, written anew in its plainest form, to measure against.

For every pair and every timestep it encodes the picture again, draws a new posterior sample, and
runs the network on a batch of one; with `normalise` it repeats the unconditional pass for every
text. It uses the same modules, of the same libraries, as the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gdbench.models.diffusion_itm.denoiser import VariancePreserving
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.preprocess import to_tensor


class ReleaseLoop:
    """Per-timestep distances of pairs, computed the way the release computes them."""

    def __init__(self, pipeline: Pipeline, noise: torch.Tensor, timesteps: Sequence[int]) -> None:
        if not isinstance(pipeline.noising, VariancePreserving):
            raise TypeError("the release knows no flow models")
        self.pipeline, self.noise, self.timesteps = pipeline, noise, tuple(timesteps)
        self.alphas = pipeline.noising.alphas_cumprod

    def _prompt(self, text: str) -> torch.Tensor:
        tokenizer = self.pipeline.modules["tokenizer"]
        tokens = tokenizer(
            [text],
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        encoder = self.pipeline.modules["text_encoder"]
        hidden: torch.Tensor = encoder(tokens.input_ids).last_hidden_state
        return hidden

    def pair(self, image: Image.Image, text: str, *, normalise: bool) -> NDArray[np.float32]:
        """|| e - e(x, text) ||, less || e - e(x, "") || if `normalise`, at every timestep."""
        vae, unet = self.pipeline.vae, self.pipeline.network
        pixels = to_tensor(image, self.pipeline.resolution)[None]
        prompt, empty = self._prompt(text), self._prompt("")
        distances = []
        for k, t in enumerate(self.timesteps):
            posterior = vae.encode(pixels).latent_dist
            latent = vae.config.scaling_factor * posterior.sample()
            noise = self.noise[k][None]
            alpha = self.alphas[t]
            x = alpha.sqrt() * latent + (1 - alpha).sqrt() * noise
            when = torch.tensor([t])
            distance = torch.linalg.vector_norm(noise - unet(x, when, prompt).sample)
            if normalise:
                distance -= torch.linalg.vector_norm(noise - unet(x, when, empty).sample)
            distances.append(float(distance))
        return np.array(distances, np.float32)

    def matrix(
        self, images: Sequence[Image.Image], texts: Sequence[str], *, normalise: bool
    ) -> NDArray[np.float32]:
        """Scores of shape (n_images, n_texts)."""
        with torch.inference_mode():
            return np.array(
                [[-self.pair(i, t, normalise=normalise).mean() for t in texts] for i in images]
            )
