"""Pictures to latents and texts to prompts, each once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
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
from gdbench.models.diffusion_itm.preprocess import Pixels, Reader, scaled, to_tensor
from gdbench.models.digests import digest_text
from gdbench.models.special_tokens import UnreadTexts
from gdbench.protocol import ImageRef, Known

LATENT_BYTES = 512 * 2**20  # 8,192 pictures at 512 pixels
PROMPT_BYTES = 2**30
_SHARE = 1 / 16  # of free memory for each of the two caches, at most
_FEWEST_LATENTS = 64
_ITEMS_AHEAD = 128
_PICTURES_AHEAD = 64  # 50 MB at 512 pixels
_PICTURES_AT_ONCE = 8
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
        share = int(_SHARE * free_memory(self.device))
        latent_bytes = 4 * math.prod(pipeline.latent_shape)
        self._latents: LRU[Tensor] = LRU(
            max(_FEWEST_LATENTS * latent_bytes, min(LATENT_BYTES, share)),
            lambda latent: latent.numel() * 4,
        )
        self._prompts: LRU[Prompt] = LRU(min(PROMPT_BYTES, share), lambda prompt: prompt.n_bytes)
        # read ahead are no more than can be kept
        self._pictures_ahead = min(_PICTURES_AHEAD, self._latents.limit // (2 * latent_bytes))
        self._pictures_at_once = _PICTURES_AT_ONCE
        self._at_once = 1 if self.device.type == "cpu" else _TEXTS_AT_ONCE
        self.reads_ahead = self.device.type != "cpu" or pipeline.offload
        """Whether pictures and texts of many items are read and encoded at once.

        On a CPU they are encoded one by one: larger batches are no faster there.
        """
        self._unread = UnreadTexts(pipeline.name, pipeline.unread)
        self._reader = Reader(pipeline.resolution)
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
        known = self._known_latent(image.sha256)
        return self._encode_picture(image) if known is None else known

    def _known_latent(self, digest: str) -> Tensor | None:
        """A latent from memory or disk."""
        known = self._latents.get(digest)
        stored = self._disk.load(digest) if known is None and self._disk is not None else None
        if stored is not None:
            known = torch.from_numpy(stored).to(self.device)
            self._latents.put(digest, known)
        return known

    def _encode_picture(self, image: ImageRef) -> Tensor:
        pixels = to_tensor(image.open(), self.pipeline.resolution)[None]
        encoded = attempted(lambda: self._encode_pixels(pixels))
        if encoded is None:
            # what torch keeps of the network's batches may be enough
            give_back(self.device)
            encoded = attempted(lambda: self._encode_pixels(pixels))
        if encoded is None:
            raise no_room(self.device, "pictures for the VAE")
        self._keep(image.sha256, encoded[0])
        return encoded[0]

    def _keep(self, digest: str, latent: Tensor) -> None:
        if not bool(torch.isfinite(latent).all()):
            # it runs in float32 always
            raise ModelOutputError(f"the VAE's latent is not finite{advice_for(torch.float32)}")
        self.latents_made += 1
        self._latents.put(digest, latent)
        if self._disk is not None:
            self._disk.save(digest, latent.cpu().numpy().astype(np.float32, copy=False))

    def _encode_pixels(self, pixels: Tensor) -> Tensor:
        with self.clock.running():
            return self.pipeline.latents(pixels.to(self.device))

    def ahead_of(self, items: Iterable[Known], is_done: Callable[[Known], bool]) -> Iterator[Known]:
        """The same items, with pictures and texts of many encoded at once (see `reads_ahead`).

        Those for which `is_done` holds need none.

        While the network works on some items, the pictures of the next are decoded in threads.
        Text encoders that are kept off the device travel once for many items.
        """
        if not self.reads_ahead:
            yield from items
            return
        source = iter(items)
        some, pictures = self._next(source, is_done, {})
        while some:
            following, coming = self._next(source, is_done, pictures)
            self._encode_pictures(pictures)
            open_ = [known[0] for known in some if not is_done(known)]
            texts = dict.fromkeys(text for item in open_ for text in item.texts)
            if texts:
                # the empty caption, too, while the encoders are at hand
                self.prompts(["", *texts])
            yield from some
            some, pictures = following, coming

    def _next(
        self,
        source: Iterator[Known],
        is_done: Callable[[Known], bool],
        coming: Mapping[str, object],
    ) -> tuple[list[Known], dict[str, Future[Pixels]]]:
        """Some items, and those of their pictures that have to be read, on their way."""
        some: list[Known] = []
        unread: dict[str, ImageRef] = {}
        while len(unread) < self._pictures_ahead and len(some) < _ITEMS_AHEAD:
            known = next(source, None)
            if known is None:
                break
            some.append(known)
            if is_done(known):
                continue
            for image in known[0].images:
                if image.sha256 not in coming and self._known_latent(image.sha256) is None:
                    unread[image.sha256] = image
        return some, self._reader.start(unread.values())

    def _encode_pictures(self, coming: dict[str, Future[Pixels]]) -> None:
        """Latents of pictures in batches of one shape.

        A picture that cannot be read is left: its item says so when its turn comes.
        """
        read = {digest: f.result() for digest, f in coming.items() if f.exception() is None}
        digests = list(read)
        while digests:
            chunk = digests[: self._pictures_at_once]
            padded = chunk + [chunk[-1]] * (self._pictures_at_once - len(chunk))
            pixels = torch.stack([scaled(read[digest]) for digest in padded])
            encoded = attempted(lambda: self._encode_pixels(pixels))  # noqa: B023 # called at once
            if encoded is None:
                self._pictures_at_once = halved(self._pictures_at_once, self.device, "pictures")
                continue
            for digest, latent in zip(chunk, encoded, strict=False):
                self._keep(digest, latent.clone())
            digests = digests[len(chunk) :]

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
                prompt = Prompt(stored, self.pipeline.unread(text) is not None)
                self._prompts.put(text, prompt)
        return prompt

    def _encode_texts(self, texts: list[str]) -> list[Prompt]:
        with self.clock.running():
            encoded = self.pipeline.condition(texts)
        self.prompts_made += len(texts)
        self._unread.count(texts)
        for text, prompt in zip(texts, encoded, strict=True):
            if not prompt.is_finite:
                dtype = self.pipeline.encoder_dtype(self.device, self.pipeline.dtype)
                raise ModelOutputError(
                    f"a text encoder's numbers for {text[:60]!r} are not finite{advice_for(dtype)}"
                )
        return encoded
