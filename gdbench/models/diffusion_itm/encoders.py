"""Pictures to latents and texts to prompts, each once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gdbench.errors import InputError, ModelOutputError
from gdbench.memory import attempted, free_memory, give_back, halved, no_room
from gdbench.models.device_clock import DeviceClock
from gdbench.models.devices import advice_for
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder, TensorFolder
from gdbench.models.diffusion_itm.conditioning import Prompt
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.preprocess import resized, scaled
from gdbench.models.digests import digest_text
from gdbench.models.reading import Reading
from gdbench.models.special_tokens import UnreadTexts
from gdbench.protocol import ImageRef, Item, Known

LATENT_BYTES = 512 * 2**20  # 8,192 pictures at 512 pixels
PROMPT_BYTES = 2**30
_SHARE = 1 / 16  # of free memory for each of the two caches, at most
_FEWEST_LATENTS = 64
_ITEMS_AHEAD = 128
_PICTURES_AHEAD = 64  # 50 MB at 512 pixels
_PICTURES_AT_ONCE = 8
_TEXTS_AT_ONCE = 8  # on accelerators; on a CPU one by one is as fast and pads nothing


class _Ahead:
    """Items that were read and not asked for, and what of them is not encoded, in their order."""

    def __init__(self) -> None:
        self.items: deque[Known] = deque()
        self.pictures: dict[str, ImageRef] = {}
        self.texts: dict[str, None] = {}

    def first_pictures(self, most: int) -> dict[str, ImageRef]:
        """Take out the first."""
        return {digest: self.pictures.pop(digest) for digest in list(self.pictures)[:most]}

    def first_texts(self, most: int | None) -> list[str]:
        """Take out the first, all where `most` is None."""
        taken = list(self.texts)[:most]
        for text in taken:
            del self.texts[text]
        return taken


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
        self._reading: Reading[Tensor] = Reading(self._pixels)
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

    def read(self, images: Iterable[ImageRef]) -> None:
        """Begin to decode pictures that `latents` will be asked for, in threads."""
        self._reading.begin(i for i in images if self._known_latent(i.sha256) is None)

    def latents(self, images: Sequence[ImageRef]) -> list[Tensor]:
        """As `latent`, of many; where it reads ahead (see `reads_ahead`) they share batches."""
        if self.reads_ahead:
            self.read(images)
            wanted = {image.sha256: image for image in images}
            self._encode_pictures(
                {d: i for d, i in wanted.items() if self._known_latent(d) is None}
            )
        return [self.latent(image) for image in images]

    def _known_latent(self, digest: str) -> Tensor | None:
        """A latent from memory or disk."""
        known = self._latents.get(digest)
        stored = self._disk.load(digest) if known is None and self._disk is not None else None
        if stored is not None:
            known = torch.from_numpy(stored).to(self.device)
            self._latents.put(digest, known)
        return known

    def _encode_picture(self, image: ImageRef) -> Tensor:
        pixels = self._sent(self._reading.take(image))[None]
        encoded = attempted(lambda: self._encode_pixels(pixels))
        if encoded is None:
            # what torch keeps of the network's batches may be enough
            give_back(self.device)
            encoded = attempted(lambda: self._encode_pixels(pixels))
        if encoded is None:
            raise no_room(self.device, "pictures for the VAE")
        self.check_latent(encoded[0])
        self._keep(image.sha256, encoded[0])
        return encoded[0]

    def _pixels(self, image: ImageRef) -> Tensor:
        """Pixels (side, side, 3), uint8, in memory that a device copies by itself."""
        pixels = torch.from_numpy(resized(image.open(), self.pipeline.resolution))
        return pixels.pin_memory() if self.device.type == "cuda" else pixels

    def check_latent(self, latent: Tensor) -> None:
        """Raise ModelOutputError where it is not finite."""
        if not bool(torch.isfinite(latent).all()):
            # it runs in float32 always
            raise ModelOutputError(f"the VAE's latent is not finite{advice_for(torch.float32)}")

    def _keep(self, digest: str, latent: Tensor) -> None:
        self.latents_made += 1
        self._latents.put(digest, latent)
        if self._disk is not None:
            self.check_latent(latent)
            self._disk.save(digest, latent.cpu().numpy().astype(np.float32, copy=False))

    def _encode_pixels(self, pixels: Tensor) -> Tensor:
        with self.clock.running():
            return self.pipeline.latents(scaled(pixels))

    def _sent(self, pixels: Tensor) -> Tensor:
        """On the device; nothing waits for the copy."""
        return pixels.to(self.device, non_blocking=True)

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
        ahead = _Ahead()
        more = True
        while more or ahead.items:
            while more and len(ahead.pictures) < self._pictures_ahead:
                known = next(source, None) if len(ahead.items) < _ITEMS_AHEAD else None
                if known is None:
                    more = len(ahead.items) >= _ITEMS_AHEAD
                    break
                ahead.items.append(known)
                if not is_done(known):
                    self._begin(known[0], ahead)
            if ahead.items:
                known = ahead.items.popleft()
                self._encode_for(known[0], ahead)
                yield known

    def _begin(self, item: Item, ahead: _Ahead) -> None:
        """Begin to read what an item needs and nobody has."""
        for image in item.images:
            digest = image.sha256
            if digest not in ahead.pictures and self._known_latent(digest) is None:
                ahead.pictures[digest] = image
                self._reading.begin([image])
        if not ahead.texts and self._known("") is None:
            ahead.texts[""] = None
        ahead.texts.update(dict.fromkeys(t for t in item.texts if self._known(t) is None))

    def _encode_for(self, item: Item, ahead: _Ahead) -> None:
        """Encode what an item needs, in batches that others' pictures and texts fill."""
        while any(image.sha256 in ahead.pictures for image in item.images):
            self._encode_pictures(ahead.first_pictures(self._pictures_at_once))
        while any(text in ahead.texts for text in item.texts):
            # encoders that travel read all there is at once
            self.prompts(ahead.first_texts(None if self.pipeline.offload else self._at_once))

    def _encode_pictures(self, coming: Mapping[str, ImageRef]) -> None:
        """Latents of pictures in batches of one shape.

        A picture that cannot be read is left: its item says so when its turn comes.
        """
        read: dict[str, Tensor] = {}
        for digest, image in coming.items():
            with suppress(InputError):
                read[digest] = self._reading.take(image)
        digests = list(read)
        while digests:
            chunk = digests[: self._pictures_at_once]
            padded = chunk + [chunk[-1]] * (self._pictures_at_once - len(chunk))
            sent = {digest: self._sent(read[digest]) for digest in chunk}
            pixels = torch.stack([sent[digest] for digest in padded])
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
        if self.device.type == "cpu" or self._texts_on_disk is not None:
            for text, prompt in zip(texts, encoded, strict=True):
                self.check_prompt(text, prompt)
        return encoded

    def check_prompt(self, text: str, prompt: Prompt) -> None:
        """Raise ModelOutputError where a text's numbers are not finite."""
        if not prompt.is_finite:
            dtype = self.pipeline.encoder_dtype(self.device, self.pipeline.dtype)
            raise ModelOutputError(
                f"a text encoder's numbers for {text[:60]!r} are not finite{advice_for(dtype)}"
            )
