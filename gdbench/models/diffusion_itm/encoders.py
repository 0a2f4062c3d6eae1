"""Pictures to latents and texts to prompts, each once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gdbench.errors import ModelOutputError
from gdbench.memory import attempted, free_memory, give_back, halved, no_room
from gdbench.models.device_clock import DeviceClock
from gdbench.models.devices import advice_for
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder, TensorFolder
from gdbench.models.diffusion_itm.conditioning import Prompt
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.preprocess import to_tensor
from gdbench.models.digests import digest_text
from gdbench.protocol import ImageRef, Known

LATENT_BYTES = 128 * 2**20
MAX_LATENTS = 1024
PROMPT_BYTES = 2**30
_PROMPT_SHARE = 1 / 16  # of free memory
_ITEMS_AHEAD = 128
_TEXTS_AT_ONCE = 8  # on accelerators; on a CPU one by one is as fast and pads nothing


class Encoders:
    """VAE and text encoders with bounded caches.

    Both always run on the same shapes, so that a latent or a prompt does not depend on what was
    encoded beside it.
    """

    def __init__(
        self, pipeline: Pipeline, clock: DeviceClock, cache_dir: Path | None = None
    ) -> None:
        self.pipeline, self.clock, self.device = pipeline, clock, clock.device
        self.latents_made = self.prompts_made = 0
        channels, height, width = pipeline.latent_shape
        self._latents: LRU[Tensor] = LRU(
            min(MAX_LATENTS, LATENT_BYTES // (4 * channels * height * width))
        )
        room = min(PROMPT_BYTES, int(_PROMPT_SHARE * free_memory(self.device)))
        self._prompts: LRU[Prompt] = LRU(room, lambda prompt: prompt.n_bytes)
        self._at_once = 1 if self.device.type == "cpu" else _TEXTS_AT_ONCE
        self._disk: ArrayFolder | None = None
        self._texts_on_disk: TensorFolder | None = None
        if cache_dir is not None:
            self._open(cache_dir)

    def _open(self, cache_dir: Path) -> None:
        pipeline = self.pipeline
        # another kind of device rounds in another way
        made_by = pipeline.content.of("vae", "vae_config")
        key = f"latents-{made_by[:32]}-{pipeline.resolution}-mean-{self.device.type}"
        self._disk = ArrayFolder(cache_dir, key, pipeline.latent_shape)
        precision = str(pipeline.encoder_dtype(self.device, pipeline.dtype)).split(".")[-1]
        self._texts_on_disk = TensorFolder(
            cache_dir,
            f"texts-{pipeline.texts_sha256[:32]}-{pipeline.max_length}-{precision}-"
            f"{self.device.type}",
        )

    def latent(self, image: ImageRef) -> Tensor:
        """The normalised mean of the VAE's posterior, shape (C, H, W), float32.

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
        pixels = to_tensor(image.open(), self.pipeline.resolution)[None].to(self.device)
        latent = attempted(lambda: self._encode_picture(pixels))
        if latent is None:
            # what torch keeps of the network's batches may be enough
            give_back(self.device)
            latent = attempted(lambda: self._encode_picture(pixels))
        if latent is None:
            raise no_room(self.device, "pictures for the VAE")
        if not bool(torch.isfinite(latent).all()):
            # it runs in float32 always
            raise ModelOutputError(f"the VAE's latent is not finite{advice_for(torch.float32)}")
        self.latents_made += 1
        if self._disk is not None:
            self._disk.save(digest, latent.cpu().numpy().astype(np.float32, copy=False))
        return latent

    def _encode_picture(self, pixels: Tensor) -> Tensor:
        with self.clock.running():
            return self.pipeline.latents(pixels)[0]

    def ahead_of(self, items: Iterable[Known]) -> Iterator[Known]:
        """The same items, with the texts of many encoded at once.

        On accelerators full batches of texts come about, and text encoders that are kept off the
        device travel once for many items. On a CPU texts are encoded one by one anyway.
        """
        if self.device.type == "cpu" and not self.pipeline.offload:
            yield from items
            return
        source = iter(items)
        while some := list(itertools.islice(source, _ITEMS_AHEAD)):
            texts = dict.fromkeys(text for item, _ in some for text in item.texts)
            self.prompts(["", *texts])
            yield from some

    def prompts(self, texts: list[str]) -> list[Prompt]:
        """A prompt for each text."""
        known = {text: self._known(text) for text in dict.fromkeys(texts)}
        missing = [text for text, prompt in known.items() if prompt is None]
        if missing:
            with self.pipeline.encoders_at_hand():
                known |= self._encode_all(missing)
        return [prompt for text in texts if (prompt := known[text]) is not None]

    def _encode_all(self, missing: list[str]) -> dict[str, Prompt]:
        made: dict[str, Prompt] = {}
        while missing:
            chunk = missing[: self._at_once]
            padded = chunk + [chunk[-1]] * (self._at_once - len(chunk))
            encoded = attempted(lambda: self._encode_texts(padded))  # noqa: B023 # called at once
            if encoded is None:
                self._at_once = halved(self._at_once, self.device, "texts")
                continue
            for text, prompt in zip(chunk, encoded, strict=False):
                self._prompts.put(text, prompt)
                made[text] = prompt
                if self._texts_on_disk is not None:
                    self._texts_on_disk.save(digest_text(text), prompt.tensors)
            missing = missing[len(chunk) :]
        return made

    def null_prompt(self) -> Prompt:
        """The prompt that stands for no caption."""
        return self.pipeline.null_of(self.prompts([""])[0])

    def _known(self, text: str) -> Prompt | None:
        prompt = self._prompts.get(text)
        if prompt is None and self._texts_on_disk is not None:
            stored = self._texts_on_disk.load(digest_text(text), self.device)
            if stored is not None:
                prompt = Prompt(stored, self.pipeline.is_cut(text))
                self._prompts.put(text, prompt)
        return prompt

    def _encode_texts(self, texts: list[str]) -> list[Prompt]:
        with self.clock.running():
            encoded = self.pipeline.condition(texts)
        self.prompts_made += len(texts)
        for text, prompt in zip(texts, encoded, strict=True):
            if not prompt.is_finite:
                dtype = self.pipeline.encoder_dtype(self.device, self.pipeline.dtype)
                raise ModelOutputError(
                    f"a text encoder's numbers for {text[:60]!r} are not finite{advice_for(dtype)}"
                )
        return encoded
