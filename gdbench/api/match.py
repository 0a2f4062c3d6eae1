"""`gdbench.match`: the score matrix of pictures and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from gdbench.api.models import loaded
from gdbench.api.table import TextTable
from gdbench.data.images import FileImage, MemoryImage
from gdbench.errors import InputError
from gdbench.protocol import ImageRef, Item, ITMModel, Matrix, Query, Scores
from gdbench.scoring import score_stream
from gdbench.signature import signature

if TYPE_CHECKING:
    import pandas as pd

Picture = str | Path | Image.Image


@dataclass(frozen=True, repr=False)
class Match:
    """How well each picture and each sentence fit together; higher is a better match."""

    images: tuple[str, ...]
    """Names of the files, or `image 0`, `image 1`, … of pictures in memory."""
    texts: tuple[str, ...]
    answer: Scores
    """With the errors at each timestep, for models that average over noise."""
    timesteps: tuple[int, ...] | None
    signature: str
    """How the scores were made."""

    @property
    def scores(self) -> Matrix:
        """(n_images, n_texts)."""
        return self.answer.matrix

    def to_pandas(self) -> pd.DataFrame:
        """Scores with a row for each picture and a column for each sentence."""
        import pandas as pd

        return pd.DataFrame(self.scores, index=list(self.images), columns=list(self.texts))

    def table(self) -> TextTable:
        """A row for each picture and a column for each sentence, as texts."""
        rows = (
            (name, *(f"{score:.4f}" for score in line))
            for name, line in zip(self.images, self.scores.tolist(), strict=True)
        )
        return TextTable(("", *self.texts), tuple(rows))

    def __repr__(self) -> str:
        return self.table().text()

    def _repr_html_(self) -> str:
        return self.table().html()


def match(
    model: object,
    images: Picture | Sequence[Picture],
    texts: str | Sequence[str],
    **options: Any,
) -> Match:
    """Score every picture against every sentence.

    Args:
        model: as in `gdbench.evaluate`.
        images: files or PIL pictures, at least one.
        texts: sentences, at least one, none of them empty.
        **options: as in `gdbench.load_model`, e.g. `samples=10, device="cpu"`.

    Raises:
        GdbenchError: one line, where a picture cannot be read or it is no model.
    """
    pictures = [images] if isinstance(images, str | Path | Image.Image) else images
    sentences = [texts] if isinstance(texts, str) else texts
    for name, given in (("images", pictures), ("texts", sentences)):
        if not isinstance(given, Sequence) or not given:
            raise InputError(f"{name}: expected one or a list of them, it is {str(given)[:40]!r}")
    for number, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not sentence.strip():
            raise InputError(f"texts[{number}] is {sentence!r}; expected a sentence")
    references = tuple(_reference(picture, k) for k, picture in enumerate(pictures))
    names = tuple(
        Path(picture).name if isinstance(picture, str | Path) else f"image {k}"
        for k, picture in enumerate(pictures)
    )
    with loaded(model, options) as (ready, _, where):
        answer = score_pairs(ready, references, sentences, where.item_timeout)
        own: Any = ready
        signed = signature(None, own.card, own.settings, own.content)
        return Match(names, tuple(sentences), answer, own.settings.timesteps, signed)


def score_pairs(
    model: ITMModel,
    images: Sequence[ImageRef],
    texts: Sequence[str],
    item_timeout: float | None = None,
) -> Scores:
    """The scores of all pairs, with unconditional errors where the model has such.

    Raises ModelOutputError where the model fails.
    """
    item = Item("match", tuple(images), tuple(texts), Query.ASSOCIATION, (), "match")
    if hasattr(model, "unconditional"):
        # told even where it is not subtracted
        model.unconditional = True
    ((_, scores),) = score_stream(model, [item], item_timeout=item_timeout)
    return scores


def _reference(picture: object, number: int) -> ImageRef:
    """A picture that can be opened. Raises InputError that names it."""
    if isinstance(picture, Image.Image):
        return MemoryImage(picture, f"images[{number}]")
    if not isinstance(picture, str | Path):
        raise InputError(
            f"images[{number}] is of type {type(picture).__name__}; expected a file or a PIL image"
        )
    reference = FileImage(Path(picture).absolute())
    # before a model is loaded
    reference.open()
    return reference
