"""Measure a model on held-out items, straight from its parts (no adapter in between)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

from gdbench.metrics.denoising import score_matrix
from gdbench.mini.graded.picture import Graded
from gdbench.mini.heldout import heldout
from gdbench.mini.picture import Drawn
from gdbench.protocol import Item, Query
from training.first.data import to_tensor
from training.first.tokenizer import MAX_LENGTH, build

Scored = npt.NDArray[np.float32]
Pair = tuple[Scored, Scored]  # naive and normalised scores, each (images, texts)


@dataclass
class Matcher:
    """Errors of a diffusion model for images and texts, the same noise for all of them."""

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text: CLIPTextModel
    signal: torch.Tensor  # cumulative product of alphas, (1000,)
    timesteps: int = 50
    batch: int = 64
    _prompts: dict[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay the grid of timesteps, 10 to 990, and draw one noise for each."""
        self.tokenizer = build()
        self.grid = torch.linspace(10, 990, self.timesteps).round().long()
        shape = (self.timesteps, self.unet.config.in_channels, 8, 8)
        self.noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    @torch.inference_mode()
    def prompt(self, text: str) -> torch.Tensor:
        """Return the prompt embedding (length, width)."""
        if text not in self._prompts:
            ids = self.tokenizer([text], padding="max_length", max_length=MAX_LENGTH)
            self._prompts[text] = self.text(torch.tensor(ids.input_ids)).last_hidden_state[0]
        return self._prompts[text]

    @torch.inference_mode()
    def errors(self, images: torch.Tensor, texts: list[str]) -> torch.Tensor:
        """Return mean L2 errors (n,) of images (n, c, 8, 8) with one text each."""
        totals = torch.zeros(len(images))
        for start in range(0, len(images), self.batch):
            part = images[start : start + self.batch]
            prompts = torch.stack([self.prompt(t) for t in texts[start : start + self.batch]])
            for t, noise in zip(self.grid, self.noise, strict=True):
                alpha = self.signal[t]
                noisy = alpha.sqrt() * part + (1 - alpha).sqrt() * noise
                predicted = self.unet(noisy, t, prompts).sample
                error = (predicted - noise).flatten(1).norm(dim=1)
                totals[start : start + self.batch] += error
        return totals / self.timesteps

    def matrices(self, items: list[Item]) -> list[Pair]:
        """Return naive and normalised scores of each item.

        Items of one image are not normalised: the subtracted term is the same for every text.
        """
        pictures = list(dict.fromkeys(p for item in items for p in drawn(item)))
        place = {picture: row for row, picture in enumerate(pictures)}
        encoded = encode_pictures(self.vae, pictures)
        asked = list(
            {
                (place[p], t): None
                for item in items
                for p in drawn(item)
                for t in (*item.texts, *([""] if len(item.images) > 1 else []))
            }
        )
        found = self.errors(encoded[[row for row, _ in asked]], [text for _, text in asked])
        errors = dict(zip(asked, found.tolist(), strict=True))
        results = []
        for item in items:
            means = np.array([[[errors[place[p], t]] for t in item.texts] for p in drawn(item)])
            several = len(item.images) > 1
            base = np.array([[errors[place[p], ""]] for p in drawn(item)]) if several else None
            results.append((score_matrix(means, None, normalise=False), score_matrix(means, base)))
        return results


@torch.inference_mode()
def encode_pictures(
    vae: AutoencoderKL, pictures: Sequence[Drawn | Graded], *, batch: int = 64
) -> torch.Tensor:
    """Return scaled posterior means (n, c, 8, 8), float32."""
    parts = []
    for start in range(0, len(pictures), batch):
        images = np.stack([picture.pixels() for picture in pictures[start : start + batch]])
        parts.append(vae.encode(to_tensor(images)).latent_dist.mean)
    return torch.cat(parts) * float(vae.config.scaling_factor)


def drawn(item: Item) -> list[Drawn | Graded]:
    """Return the pictures of a generated item."""
    return [picture for picture in item.images if isinstance(picture, Drawn | Graded)]


def right(item: Item, scores: Scored) -> bool:
    """Whether the best candidate is the true one."""
    line = scores[0] if item.query is Query.TEXT_RETRIEVAL else scores[:, 0]
    return int(line.argmax()) == item.gold[0]


def accuracies(matcher: Matcher, kind: str, n: int, seed: int = 0) -> dict[str, float]:
    """Return the accuracy on `n` held-out items by naive and by normalised scores."""
    items = list(heldout(kind, n, seed))
    scored = matcher.matrices(items)
    naive = np.mean([right(item, s) for item, (s, _) in zip(items, scored, strict=True)])
    normalised = np.mean([right(item, s) for item, (_, s) in zip(items, scored, strict=True)])
    return {"naive": float(naive), "normalised": float(normalised)}
