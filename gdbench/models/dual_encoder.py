"""What all dual encoders share: each picture and text is encoded once, a score is a cosine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdbench.errors import ModelOutputError
from gdbench.memory import attempted, capped, free_memory, halved
from gdbench.models.device_clock import DeviceClock
from gdbench.models.flops import LONG, SHORT, counted, same
from gdbench.models.reading import Reading
from gdbench.models.special_tokens import Unread, UnreadTexts
from gdbench.operations import VARIES
from gdbench.protocol import ImageRef, Item, Matrix, ModelCard, Scores
from gdbench.records import Content, ModelSettings, Prices
from gdbench.run import Where

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Vector = NDArray[np.float32]
_USUAL_BATCH = 32
_WINDOW = 64  # items looked at together
_CACHE = 16384  # embeddings kept: 50 MB at 768 dimensions


class DualEncoder(ABC):
    """Cosine similarity of two encoders' features, in [-1, 1].

    Every image and text is encoded once, in batches of a fixed shape (the last one is padded), so
    that a score does not depend on what it was encoded together with. A kind of model says how its
    features are made.
    """

    def __init__(
        self, device: torch.device, card: ModelCard, content: Content, settings: ModelSettings,
        where: Where,
    ) -> None:  # fmt: skip
        self.card, self.content, self.settings = card, content, settings
        self.device = str(device)
        self.batch_size = _USUAL_BATCH
        if where.batch_size is not None:
            # a picture's activations take some 64 times what its pixels take
            each = 64 * 4 * 3 * (card.resolution or 224) ** 2
            most = max(_USUAL_BATCH, free_memory(device) // each)
            self.batch_size = capped(where.batch_size, most)
        self._clock = DeviceClock(device)
        self._images: OrderedDict[str, Vector] = OrderedDict()
        self._texts: OrderedDict[str, Vector] = OrderedDict()
        self._unread = UnreadTexts(card.name, self.unread)
        self.reads_ahead = device.type != "cpu"
        """Whether pictures are decoded and prepared in threads; a CPU's cores are the network's."""
        self._reading: Reading[Any] = Reading(lambda image: self.prepare(image.open()))

    def prepare(self, image: Image.Image) -> Any:
        """What `image_features` takes of a picture in mode RGB; called in threads."""
        return image

    @abstractmethod
    def image_features(self, images: list[Any]) -> torch.Tensor:
        """Features of what `prepare` made of some pictures, shape (len(images), D).

        Of any length and precision.
        """

    @abstractmethod
    def text_features(self, texts: list[str]) -> torch.Tensor:
        """Features of texts, shape (len(texts), D), of any length and precision."""

    @abstractmethod
    def unread(self, text: str) -> Unread | None:
        """What keeps the text encoder from reading the text as it stands; None: nothing."""

    @property
    def device_seconds(self) -> float:
        """Seconds in which the two encoders ran so far."""
        return self._clock.seconds

    @cached_property
    def prices(self) -> Prices:
        """What the two encoders take; a picture and two texts find it out."""
        import torch

        shapes = [Image.new("RGB", size) for size in ((96, 96), (192, 64))]
        with torch.inference_mode(), self._clock.stopped():
            picture = same(
                counted(partial(self.image_features, [self.prepare(shape)])) for shape in shapes
            )
            text = same(counted(partial(self.text_features, [t])) for t in (SHORT, LONG))
        if picture is None or text is None:
            return Prices(unknown=VARIES)
        return Prices(picture=picture, text=text)

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Cosine similarities of shape (len(images), len(texts))."""
        return _cosines(
            np.stack(list(self._encode_images([self.prepare(image) for image in images]))),
            np.stack(list(self._encode_texts(list(texts)))),
        )

    def picture_vectors(self, images: Sequence[ImageRef]) -> Vector:
        """Features of length 1, shape (len(images), D); pictures are opened a batch at a time."""
        return self._vectors(images, self._encode_references)

    def text_vectors(self, texts: Sequence[str]) -> Vector:
        """Features of length 1, shape (len(texts), D)."""
        return self._vectors(texts, self._encode_texts)

    def _vectors(
        self, inputs: Sequence[T], encode: Callable[[list[T]], Iterator[Vector]]
    ) -> Vector:
        found: list[Vector] = []
        while len(found) < len(inputs):
            # padded as in `_fill`: a score does not depend on what it was encoded together with
            chunk = list(inputs[len(found) : len(found) + self.batch_size])
            padded = chunk + [chunk[0]] * (self.batch_size - len(chunk))
            found += list(encode(padded))[: len(chunk)]
        return np.stack(found)

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """Scores of each item, in order; embeddings are shared between items."""
        stream = iter(items)
        window = list(islice(stream, _WINDOW))
        while window:
            following = list(islice(stream, _WINDOW)) if self.reads_ahead else []
            coming = {i.sha256: i for item in following for i in item.images}
            self._fill(
                self._images,
                {i.sha256: i for item in window for i in item.images},
                self._encode_references,
                coming,
            )
            self._fill(
                self._texts, {t: t for item in window for t in item.texts}, self._encode_texts
            )
            for item in window:
                yield Scores(
                    item.id,
                    _cosines(
                        np.stack([self._images[i.sha256] for i in item.images]),
                        np.stack([self._texts[t] for t in item.texts]),
                    ),
                    truncated_texts=self._unread.count(item.texts),
                )
            self._trim()
            window = following if self.reads_ahead else list(islice(stream, _WINDOW))

    def _fill(
        self,
        cache: OrderedDict[str, Vector],
        wanted: dict[str, Any],
        encode: Callable[[list[Any]], Iterator[Vector]],
        coming: Mapping[str, ImageRef] | None = None,
    ) -> None:
        """Encode what is wanted and not known, while the first of what is `coming` is read."""
        missing = [key for key in wanted if key not in cache]
        for key in wanted.keys() - set(missing):
            cache.move_to_end(key)
        while missing:
            keys, missing = missing[: self.batch_size], missing[self.batch_size :]
            padded = keys + [keys[0]] * (self.batch_size - len(keys))
            if coming is not None and self.reads_ahead:
                # this batch, the next, and at the end of a window the first of the next window
                later = missing + [key for key in coming if key not in cache]
                known = wanted | dict(coming)
                self._reading.begin(known[key] for key in keys + later[: self.batch_size])
            vectors = list(encode([wanted[key] for key in padded]))
            cache.update(zip(keys, vectors, strict=False))

    def _trim(self) -> None:
        for cache in (self._images, self._texts):
            while len(cache) > _CACHE:
                cache.popitem(last=False)

    def _encode_references(self, images: list[ImageRef]) -> Iterator[Vector]:
        ready = {image.sha256: image for image in images}
        made = {digest: self._reading.take(image) for digest, image in ready.items()}
        return self._encode_images([made[image.sha256] for image in images])

    def _encode_images(self, images: list[Any]) -> Iterator[Vector]:
        return self._in_batches(images, self.image_features, "pictures")

    def _encode_texts(self, texts: list[str]) -> Iterator[Vector]:
        return self._in_batches(texts, self.text_features, "texts")

    def _in_batches(
        self, inputs: list[T], encode: Callable[[list[T]], torch.Tensor], what: str
    ) -> Iterator[Vector]:
        """A vector for each input; batches become smaller when memory runs out."""
        while inputs:
            chunk = inputs[: self.batch_size]
            vectors = attempted(lambda: self._run(encode, chunk))  # noqa: B023 # called at once
            if vectors is None:
                self.batch_size = halved(self.batch_size, self._clock.device, what)
                continue
            if not np.isfinite(vectors).all():
                raise ModelOutputError(self._not_finite(what))
            yield from vectors
            inputs = inputs[len(chunk) :]

    def _run(self, encode: Callable[[list[T]], torch.Tensor], chunk: list[T]) -> Vector:
        import torch

        with self._clock.running(), torch.inference_mode():
            features = encode(chunk).float()
            features = features / features.norm(dim=-1, keepdim=True)
        vectors: Vector = features.cpu().numpy()
        return vectors

    def _not_finite(self, what: str) -> str:
        dtype = self.settings.dtype
        advice = "" if dtype == "float32" else "; try --dtype float32"
        return (
            f"{self.card.name}: the encoder of {what} returned NaN, infinity or a feature of "
            f"length zero in {dtype}{advice}"
        )


def _cosines(images: Vector, texts: Vector) -> Matrix:
    """Dot products in float64 and a fixed order: no dependence on the shape of the matrix."""
    product = images[:, None, :].astype(np.float64) * texts[None, :, :].astype(np.float64)
    total: NDArray[np.float64] = product.sum(axis=-1)
    return total.astype(np.float32)
