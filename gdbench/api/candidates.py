"""Candidate lists chosen by a dual encoder, as the supplement of the GDBench paper describes.

For each caption the pictures, and for each picture the captions, that the encoder finds nearest,
the right one aside. Such questions are hard for that encoder and its kin above all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdbench.data.own.options import DataOptions
from gdbench.errors import DataProblemsError, InputError
from gdbench.models.dual_encoder import DualEncoder
from gdbench.run import flag_of
from gdbench.tasks import TASKS
from gdbench.tasks.candidates import Ask, Candidates, Chosen, Origin, Pair, pairs_of

Vector = NDArray[np.float32]
CAUTION = (
    "The wrong candidates are those that {0} finds nearest: they are adversarial for {0} and "
    "encoders like it, and other models look better beside it than they are."
)
_BLOCK = 1024  # queries whose scores are held at a time
Tell = Callable[[int, int], None]


def choose(
    encoder: object,
    data: str,
    out: Path,
    *,
    top: int = 10,
    ask: Ask = "retrieval",
    suite: str = "full",
    root: Path | None = None,
    options: DataOptions | None = None,
) -> Candidates:
    """The nearest candidates for every question of own data or of a task.

    Args:
        encoder: a dual encoder.
        data: a path, or the name of a task.
        out: the file they will be written to; paths of data are kept relative to its folder.
        top: candidates of a question, the right one among them.
        ask: which direction, or both.
        suite: of a task.
        root: folder with the published data, of a task.
        options: of own data.

    Raises:
        InputError: it is no dual encoder, there are no such data, or too few.
        DataProblemsError: something is wrong with the data.
    """
    if not isinstance(encoder, DualEncoder):
        name = getattr(getattr(encoder, "card", None), "name", type(encoder).__name__)
        raise InputError(f"--by {name}: is no dual encoder, which has features to compare")
    if root is not None and Path(data).expanduser().exists():
        raise InputError(f"--root: {data} are data of your own, which do not use it; leave it out")
    folder = out.absolute().parent
    origin = origin_of(data, folder, suite, options or DataOptions())
    pairs, source = pairs_of(origin, folder, root)
    if source.problems.blocking:
        n = source.problems.blocking
        raise DataProblemsError(f"{data}: {n:,} problems", source.problems.rows)
    images = {pair.name: pair.image for pair in pairs}
    captions = sorted({pair.caption for pair in pairs})
    names = sorted(images)
    if min(len(names), len(captions)) < top:
        raise InputError(
            f"--top {top}: there are {len(names):,} pictures and {len(captions):,} captions"
        )
    of_pictures = encoder.picture_vectors([images[name] for name in names])
    of_captions = encoder.text_vectors(captions)
    search = _Search(pairs, names, captions, of_pictures, of_captions, top)
    name = f"{encoder.card.name}@{encoder.card.revision}"
    return Candidates(
        caution=CAUTION.format(name),
        encoder=name,
        content_sha256=encoder.content.sha256,
        top=top,
        origin=origin,
        pictures={name: images[name].sha256 for name in names},
        text=search.captions_of_pictures() if ask != "image" else (),
        image=search.pictures_of_captions() if ask != "text" else (),
    )


def origin_of(data: str, folder: Path, suite: str, options: DataOptions) -> Origin:
    """The origin that a path or the name of a task stands for. Raises InputError for neither."""
    path = Path(data).expanduser()
    if path.exists():
        if suite != "full":
            raise InputError(f"--suite {suite}: {data} are data of your own, without suites")
        relative = Path(os.path.relpath(path.absolute(), folder)).as_posix()
        return Origin(data=relative, options=options.model_copy(update={"name": None, "ask": None}))
    if data in TASKS:
        given = [name for name, value in options if value is not None]
        if given:
            raise InputError(f"{flag_of(given[0])}: {data} is a task, which does not use it")
        return Origin(task=data, suite=suite)
    raise InputError(f"--data {data}: there is no such folder or file, and no task of this name")


class _Search:
    """Nearest wrong answers; of equals the first in the order of the alphabet."""

    def __init__(
        self, pairs: Sequence[Pair], names: list[str], captions: list[str], pictures: Vector,
        texts: Vector, top: int,
    ) -> None:  # fmt: skip
        self.pairs, self.names, self.captions, self.top = pairs, names, captions, top
        self._pictures, self._texts = pictures.astype(np.float64), texts.astype(np.float64)
        self._place = {name: k for k, name in enumerate(names)}
        self._caption = {caption: k for k, caption in enumerate(captions)}
        self._captions_of: dict[str, set[int]] = {}
        self._names_of: dict[str, set[int]] = {}
        for pair in pairs:
            self._captions_of.setdefault(pair.name, set()).add(self._caption[pair.caption])
            self._names_of.setdefault(pair.caption, set()).add(self._place[pair.name])

    def captions_of_pictures(self) -> tuple[Chosen, ...]:
        """For each pair its picture's nearest captions that no row says of it."""
        queries = [self._place[pair.name] for pair in self.pairs]
        wrong = [self._captions_of[pair.name] for pair in self.pairs]
        found = self._nearest(self._pictures, queries, self._texts, wrong)
        return tuple(
            self._chosen(pair, [self.captions[k] for k in near])
            for pair, near in zip(self.pairs, found, strict=True)
        )

    def pictures_of_captions(self) -> tuple[Chosen, ...]:
        """For each pair its caption's nearest pictures that it is not said of."""
        queries = [self._caption[pair.caption] for pair in self.pairs]
        wrong = [self._names_of[pair.caption] for pair in self.pairs]
        found = self._nearest(self._texts, queries, self._pictures, wrong)
        return tuple(
            self._chosen(pair, [self.names[k] for k in near])
            for pair, near in zip(self.pairs, found, strict=True)
        )

    def _nearest(
        self,
        queries: NDArray[np.float64],
        chosen: list[int],
        pool: NDArray[np.float64],
        excluded: list[set[int]],
    ) -> list[list[int]]:
        found = []
        for start in range(0, len(chosen), _BLOCK):
            scores = queries[chosen[start : start + _BLOCK]] @ pool.T
            for row, own in zip(scores, excluded[start : start + _BLOCK], strict=True):
                row[list(own)] = -np.inf
                order = np.argsort(-row, kind="stable")[: self.top - 1]
                found.append([int(k) for k in order if np.isfinite(row[k])])
        return found

    def _chosen(self, pair: Pair, wrong: list[str]) -> Chosen:
        if len(wrong) < self.top - 1:
            raise InputError(
                f"--top {self.top}: {pair.name} ({pair.caption[:40]!r}) has only {len(wrong)} "
                "answers that are wrong"
            )
        return Chosen(caption=pair.caption, picture=pair.name, wrong=tuple(wrong))
