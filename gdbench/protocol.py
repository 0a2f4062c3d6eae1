"""The types that everything else is written in: read this page first.

A task yields `Item`s, a model turns an item into `Scores`, a metric reads scores and labels.

The smallest model that gdbench can evaluate:

    from gdbench import ModelCard
    import numpy as np

    class Constant:
        card = ModelCard(name="constant")

        def score(self, images, texts):
            return np.zeros((len(images), len(texts)))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

Matrix = NDArray[np.floating]
Family = Literal[
    "contrastive", "diffusion-unet", "diffusion-transformer", "generative-vlm", "control", "other"
]


class Query(StrEnum):
    """What an item asks."""

    TEXT_RETRIEVAL = "text_retrieval"  # one image, which text? gold = (index of the text,)
    IMAGE_RETRIEVAL = "image_retrieval"  # one text, which image? gold = (index of the image,)
    MATCHING = "matching"  # n images, n texts; gold[i] = the text of image i
    ASSOCIATION = "association"  # one image, two sets of words; gold = indices of the first set


@runtime_checkable
class ImageRef(Protocol):
    """An image that is not read before it is needed."""

    @property
    def sha256(self) -> str:
        """Hash of the content (hex): the same picture has the same key in every cache."""

    def open(self) -> Image.Image:
        """The picture, upright, in mode RGB. Raises `InputError` where it cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a metric may know of an item: everything but the pictures and the words."""

    id: str
    query: Query
    gold: tuple[int, ...]
    n_images: int
    n_texts: int
    subtask: str
    cluster: str  # items of one cluster share a picture or an example and are resampled together
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One question: `images` x `texts` to be scored, and what is right (see `Query`)."""

    id: str
    images: tuple[ImageRef, ...]
    texts: tuple[str, ...]
    query: Query
    gold: tuple[int, ...]
    subtask: str
    cluster: str = ""  # empty: the item is its own cluster
    tags: tuple[str, ...] = ()
    ranks: tuple[int, ...] = (1,)  # of retrieval: 1 the best has to be found, 5 the five best

    @property
    def label(self) -> Label:
        """The item without its content."""
        return Label(
            self.id,
            self.query,
            self.gold,
            len(self.images),
            len(self.texts),
            self.subtask,
            self.cluster or self.id,
            self.tags,
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """A model's answer to one item; higher scores mean a better match.

    `errors` are the primary artefact of models that average over noise samples: the L2 norm of
    the prediction error for (image, text, k-th timestep in the order of `settings.timesteps`),
    NaN where a sequential rule stopped before k. `matrix` follows from them.
    """

    item_id: str
    matrix: Matrix  # (n_images, n_texts)
    errors: NDArray[np.float32] | None = None  # (n_images, n_texts, n_timesteps)
    unconditional_errors: NDArray[np.float32] | None = None  # (n_images, n_timesteps)
    truncated_texts: int = 0  # texts that the tokenizer had to cut, or took parts of for its signs


Known = tuple[Item, Scores | None]
"""An item, and its scores at the first timesteps where they are known already."""


class ModelCard(BaseModel):
    """Who a model is. Only the name is required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,95}$")
    revision: str = Field(default="0", pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,95}$")
    family: Family = "other"
    source: str = ""  # hub id or folder name it was loaded from
    weights_sha256: str = ""  # hash over the weight files, where there are any
    parameters: int | None = None
    resolution: int | None = None  # input side in pixels
    license: str = ""
    url: str = ""
    description: str = ""
    bibtex: str = ""


@runtime_checkable
class ITMModel(Protocol):
    """An image-text matcher. Nothing to inherit: a `card` and a `score` make a model.

    A model may also have `score_items(items: Iterable[Item]) -> Iterator[Scores]` (see
    `BatchedITMModel`), used instead of `score` where it is there, and `settings: ModelSettings`.
    """

    card: ModelCard

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Scores of shape (len(images), len(texts)), finite, higher = better match."""


@runtime_checkable
class BatchedITMModel(ITMModel, Protocol):
    """A model that gains from seeing many items at once."""

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """One `Scores` for every item, in the order of the items; reads ahead as it likes."""


@runtime_checkable
class ExtendableITMModel(BatchedITMModel, Protocol):
    """A model that averages over timesteps and can go on from the first of them."""

    def continue_items(self, items: Iterable[Known]) -> Iterator[Scores]:
        """As `score_items`; of items with earlier scores only the further timesteps are run.

        An item of which every timestep is known is not scored: its unconditional errors are
        remembered for other items that show the same pictures.
        """


@runtime_checkable
class PlanningITMModel(ExtendableITMModel, Protocol):
    """A model that prepares itself for long work."""

    def expect_passes(self, passes: int) -> None:
        """Say how many passes of its network a task can take, before its items come."""
