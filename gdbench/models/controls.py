"""Controls around a model: what is left of a score without the picture, or without the words.

A benchmark that a model can solve without looking, or without reading, does not test matching.
`control:text-only:MODEL` shows the model one grey picture for every image, so that only the
captions differ; `control:image-only:MODEL` reads it one empty caption, so that only the pictures
do. Both score each different input once and repeat the number: equal inputs have equal scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.errors import InputError
from gdbench.models.own import own_model
from gdbench.operations import prices_of
from gdbench.protocol import (
    BatchedITMModel,
    ImageRef,
    Item,
    ITMModel,
    Matrix,
    ModelCard,
    Query,
    Scores,
)
from gdbench.records import Content, Prices

Kind = Literal["text-only", "image-only"]
KINDS: tuple[Kind, ...] = ("text-only", "image-only")
GREY = (128, 128, 128)
_SIDE = 224  # pixels; every model resizes
_NAME_LENGTH = 96


@cache
def grey() -> MemoryImage:
    """The picture that stands for all pictures."""
    return MemoryImage(Image.new("RGB", (_SIDE, _SIDE), GREY))


class Control:
    """A model that sees only one side of each pair."""

    def __init__(self, model: ITMModel, kind: Kind) -> None:
        inner: Any = own_model(model)
        self.inner = inner
        self.kind = kind
        without = "the picture" if kind == "text-only" else "the caption"
        self.card: ModelCard = inner.card.model_copy(
            update={
                "name": f"{kind}-{inner.card.name}"[:_NAME_LENGTH],
                "family": "control",
                "description": f"{inner.card.name} without {without}",
            }
        )
        self.settings = inner.settings
        self.content = Content(parts={**inner.content.parts, "control": kind})
        self.device = str(getattr(inner, "device", "cpu"))

    @property
    def device_seconds(self) -> float | None:
        """Those of the model inside."""
        seconds: float | None = getattr(self.inner, "device_seconds", None)
        return seconds

    @property
    def prices(self) -> Prices:
        """Those of the model inside, which sees one picture, or one text, for all."""
        inner = prices_of(self.inner)
        unseen: Literal["pictures", "texts"] = "pictures" if self.kind == "text-only" else "texts"
        return inner.model_copy(update={"unseen": unseen})

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Shape (len(images), len(texts)), equal along the side that the model does not see."""
        if self.kind == "text-only":
            small = self.inner.score([grey().open()], texts)
        else:
            small = self.inner.score(images, [""])
        return np.broadcast_to(small, (len(images), len(texts))).copy()

    def _reduced(self, item: Item) -> Item:
        """The item as the model sees it: one picture, or one caption."""
        if self.kind == "text-only":
            images: tuple[ImageRef, ...] = (grey(),)
            return Item(item.id, images, item.texts, Query.ASSOCIATION, (0,), item.subtask)
        return Item(item.id, item.images, ("",), Query.IMAGE_RETRIEVAL, (0,), item.subtask)

    def _widened(self, item: Item, small: Scores) -> Scores:
        """The scores repeated for all pictures, or all captions, of the item."""
        shape = (len(item.images), len(item.texts))
        errors, base = small.errors, small.unconditional_errors
        return Scores(
            item.id,
            np.broadcast_to(small.matrix, shape).copy(),
            None if errors is None else np.broadcast_to(errors, (*shape, errors.shape[-1])).copy(),
            None if base is None else np.broadcast_to(base, (shape[0], base.shape[-1])).copy(),
            small.truncated_texts,
        )


class BatchedControl(Control):
    """A control around a model that sees many items at once."""

    inner: BatchedITMModel

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """One `Scores` for every item, in the order of the items."""
        waiting: dict[str, Item] = {}

        def reduced() -> Iterator[Item]:
            for item in items:
                waiting[item.id] = item
                yield self._reduced(item)

        for small in self.inner.score_items(reduced()):
            yield self._widened(waiting.pop(small.item_id), small)


def control(inner: ITMModel, kind: Kind) -> Control:
    """A control around a model; it takes many items at once if the model does."""
    if isinstance(inner, BatchedITMModel):
        return BatchedControl(inner, kind)
    return Control(inner, kind)


def parse_control(source: str) -> tuple[Kind, str]:
    """Kind and model of `control:KIND:MODEL`. Raises InputError where it is not one."""
    _, _, rest = source.partition(":")
    kind, _, model = rest.partition(":")
    known = next((k for k in KINDS if k == kind), None)
    if known is None or not model:
        raise InputError(
            f"--model {source!r}: a control is control:KIND:MODEL with KIND {' or '.join(KINDS)}"
        )
    return known, model
