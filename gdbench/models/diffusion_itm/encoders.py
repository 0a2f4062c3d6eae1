"""Pictures to latents and texts to prompt embeddings, each once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gdbench.memory import attempted, give_back, halved, no_room
from gdbench.models.device_clock import DeviceClock
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder
from gdbench.models.diffusion_itm.parts import Parts
from gdbench.models.diffusion_itm.preprocess import to_tensor
from gdbench.protocol import ImageRef

CACHE_BYTES = 128 * 2**20
MAX_LATENTS = 1024
MAX_PROMPTS = 512
_TEXTS_AT_ONCE = 8  # on accelerators; on a CPU one by one is as fast and pads nothing


class Encoders:
    """VAE, tokenizer and text encoder with bounded caches.

    Both encoders always run on the same shapes, so that a latent or an embedding does not depend
    on what was encoded beside it.
    """

    def __init__(self, parts: Parts, clock: DeviceClock, cache_dir: Path | None = None) -> None:
        self.parts, self.clock, self.device = parts, clock, clock.device
        self.latents_made = self.prompts_made = 0
        channels, height, width = parts.latent_shape
        self._latents: LRU[Tensor] = LRU(
            min(MAX_LATENTS, CACHE_BYTES // (4 * channels * height * width))
        )
        self.length = int(parts.text_encoder.config.max_position_embeddings)
        wide = int(parts.text_encoder.config.hidden_size)
        self._prompts: LRU[tuple[Tensor, bool]] = LRU(
            min(MAX_PROMPTS, CACHE_BYTES // (4 * self.length * wide))
        )
        self._at_once = 1 if self.device.type == "cpu" else _TEXTS_AT_ONCE
        self._disk = None
        if cache_dir is not None:
            made_by = parts.content.of("vae", "vae_config")
            # another kind of device rounds in another way
            key = f"latents-{made_by[:32]}-{parts.resolution}-mean-{self.device.type}"
            self._disk = ArrayFolder(cache_dir, key, parts.latent_shape)

    def latent(self, image: ImageRef) -> Tensor:
        """Posterior mean times the scaling factor, shape (C, H, W), float32.

        Raises InputError where the picture cannot be read.
        """
        digest = image.sha256
        known = self._latents.get(digest)
        if known is None:
            known = self._load_or_encode(image, digest)
            self._latents.put(digest, known)
        return known

    def _load_or_encode(self, image: ImageRef, digest: str) -> Tensor:
        stored = self._disk.load(digest) if self._disk is not None else None
        if stored is not None:
            return torch.from_numpy(stored).to(self.device)
        pixels = to_tensor(image.open(), self.parts.resolution)[None].to(self.device)
        mean = attempted(lambda: self._mean(pixels))
        if mean is None:
            # what torch keeps of the network's batches may be enough
            give_back(self.device)
            mean = attempted(lambda: self._mean(pixels))
        if mean is None:
            raise no_room(self.device, "pictures for the VAE")
        config = self.parts.vae.config
        latent: Tensor = (mean - (config.get("shift_factor") or 0.0)) * config.scaling_factor
        self.latents_made += 1
        if self._disk is not None:
            self._disk.save(digest, latent.cpu().numpy().astype(np.float32, copy=False))
        return latent

    def _mean(self, pixels: Tensor) -> Tensor:
        with self.clock.running(), torch.inference_mode():
            mean: Tensor = self.parts.vae.encode(pixels).latent_dist.mean[0].float()
        return mean

    def prompts(self, texts: list[str]) -> list[tuple[Tensor, bool]]:
        """For each text: its embedding (L, D), float32, and whether the tokenizer cut it."""
        found = {text: self._prompts.get(text) for text in dict.fromkeys(texts)}
        missing = [text for text, known in found.items() if known is None]
        while missing:
            chunk = missing[: self._at_once]
            padded = chunk + [chunk[-1]] * (self._at_once - len(chunk))
            encoded = attempted(lambda: self._encode(padded))  # noqa: B023 # called at once
            if encoded is None:
                self._at_once = halved(self._at_once, self.device, "texts")
                continue
            for text, made in zip(chunk, encoded, strict=False):
                self._prompts.put(text, made)
                found[text] = made
            missing = missing[len(chunk) :]
        return [known for text in texts if (known := found[text]) is not None]

    def _encode(self, texts: list[str]) -> list[tuple[Tensor, bool]]:
        tokenizer = self.parts.tokenizer
        tokens = tokenizer(
            texts,
            padding="max_length",
            max_length=self.length,
            truncation=True,
            return_tensors="pt",
        )
        whole = tokenizer(texts, truncation=False, verbose=False)["input_ids"]
        cut = [len(ids) > self.length for ids in whole]
        mask = None
        if getattr(self.parts.text_encoder.config, "use_attention_mask", False):
            mask = tokens.attention_mask.to(self.device)
        with self.clock.running(), torch.inference_mode():
            hidden = self.parts.text_encoder(
                tokens.input_ids.to(self.device), attention_mask=mask
            ).last_hidden_state.float()
        self.prompts_made += len(texts)
        # a copy of each row: a view would keep the whole batch alive in the cache
        return [(row.clone(), flag) for row, flag in zip(hidden, cut, strict=True)]
