"""What all models share that look at a picture and a text together: batches of pairs, each once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.errors import ModelOutputError
from gdbench.memory import attempted, capped, halved
from gdbench.models.device_clock import DeviceClock
from gdbench.models.reading import ReadAhead, Reading
from gdbench.models.special_tokens import Unread, UnreadTexts
from gdbench.protocol import ImageRef, Item, Matrix, ModelCard, Scores
from gdbench.records import Content, ModelSettings
from gdbench.run import Where

if TYPE_CHECKING:
    import torch

Pair = tuple[ImageRef, str]
Known = Mapping[tuple[str, str], float]
"""Scores by picture (its hash) and text."""
_USUAL_BATCH = 16
_WINDOW = 16  # items looked at together
_CACHE = 2**17  # scores kept


class PairScorer(ABC):
    """A number for each pair of picture and text; a kind of model says which.

    Pairs of many items run together, those of one picture side by side. A pair that several items
    ask for is scored once.
    """

    def __init__(
        self, device: torch.device, card: ModelCard, content: Content, settings: ModelSettings,
        where: Where,
    ) -> None:  # fmt: skip
        self.card, self.content, self.settings = card, content, settings
        self.device = str(device)
        asked = where.batch_size
        self.batch_size = _USUAL_BATCH if asked is None else capped(asked, asked)
        self._clock = DeviceClock(device)
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._unread = UnreadTexts(card.name, self.unread)
        self.reads_ahead = device.type != "cpu"
        """Whether pictures are decoded in threads; a CPU's cores are the network's."""
        self._reading: Reading[Image.Image] = Reading(lambda image: image.open())

    @abstractmethod
    def score_pairs(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """Scores of some pairs, shape (len(pairs),), float32 or wider; higher matches better."""

    @abstractmethod
    def unread(self, text: str) -> Unread | None:
        """What keeps the model from reading the text as it stands; None: nothing."""

    def pairs_of(self, images: Sequence[ImageRef], texts: Sequence[str]) -> Iterator[Pair]:
        """The pairs that the scores of some pictures and texts are made of."""
        for image in images:
            for text in texts:
                yield image, text

    def matrix_of(self, images: Sequence[ImageRef], texts: Sequence[str], known: Known) -> Matrix:
        """Scores of shape (len(images), len(texts)) from those of `pairs_of`."""
        matrix: NDArray[np.float64] = np.array(
            [[known[image.sha256, text] for text in texts] for image in images], dtype=np.float64
        )
        return matrix

    @property
    def device_seconds(self) -> float:
        """Seconds in which the network ran so far."""
        return self._clock.seconds

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Scores of shape (len(images), len(texts))."""
        references = [MemoryImage(image.convert("RGB")) for image in images]
        self._fill(self.pairs_of(references, texts))
        return self.matrix_of(references, texts, self._known)

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """Scores of each item, in order; pairs are shared between items."""
        stream = iter(items)
        while window := list(islice(stream, _WINDOW)):
            self._fill(pair for i in window for pair in self.pairs_of(i.images, i.texts))
            for item in window:
                yield Scores(
                    item.id,
                    self.matrix_of(item.images, item.texts, self._known),
                    truncated_texts=self._unread.count(item.texts),
                )

    def _fill(self, pairs: Iterable[Pair]) -> None:
        """Score what is not known, pictures together, short texts first."""
        while len(self._known) > _CACHE:
            self._known.popitem(last=False)
        wanted = {(image.sha256, text): image for image, text in pairs}
        for key in wanted.keys() & self._known.keys():
            self._known.move_to_end(key)
        order = {sha: k for k, (sha, _) in enumerate(wanted)}
        missing = sorted(
            (key for key in wanted if key not in self._known),
            key=lambda key: (order[key[0]], len(key[1]), key[1]),
        )
        while missing:
            keys = missing[: self.batch_size]
            if self.reads_ahead:
                now = {sha for sha, _ in keys}
                later = missing[len(keys) : 2 * len(keys)]
                self._reading.begin(wanted[key] for key in later if key[0] not in now)
            batch = [(ReadAhead(wanted[key], self._reading), key[1]) for key in keys]
            scores = attempted(lambda: self._run(batch))  # noqa: B023 # called at once
            if scores is None:
                self.batch_size = halved(self.batch_size, self._clock.device, "pairs")
                continue
            self._reading.drop(wanted[key] for key in keys)
            self._known.update(zip(keys, scores, strict=True))
            missing = missing[len(keys) :]

    def _run(self, batch: Sequence[Pair]) -> list[float]:
        import torch

        with torch.inference_mode():
            scores = self.score_pairs(batch).detach().cpu().double()
        if not bool(torch.isfinite(scores).all()):
            raise self.not_finite("network")
        return [float(score) for score in scores]

    def not_finite(self, what: str) -> ModelOutputError:
        """The error for a part of the model that returned NaN or infinity."""
        dtype = self.settings.dtype
        advice = "" if dtype == "float32" else "; try --dtype float32"
        return ModelOutputError(
            f"{self.card.name}: the {what} returned NaN or infinity in {dtype}{advice}"
        )
