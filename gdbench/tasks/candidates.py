"""Frozen lists of candidates: for each question the right answer and the wrong ones beside it.

A file holds no picture: captions, names of pictures with their hashes, where both come from, which
encoder chose, and a hash over all of that. Whoever reads it has the pictures already.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from gdbench.data.images import Verify
from gdbench.data.own.options import DataOptions
from gdbench.data.own.questions import IMAGE, TEXT, stem_of, stems_of
from gdbench.data.own.reading import OwnData, clean_name, read_own
from gdbench.errors import InputError
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import SHA256, Strict, canonical
from gdbench.store import write_atomically

FORMAT = "gdbench-candidates-1"
_MOST_BYTES = 500_000_000
Ask = Literal["text", "image", "retrieval"]


class Origin(Strict):
    """Where the pictures and captions of a list come from."""

    data: str | None = None
    """Own data: the path, relative to the folder of the file."""
    options: DataOptions = DataOptions()
    task: str | None = None
    """Or a task of gdbench, whose pictures are named by their hash."""
    suite: str | None = None


class Chosen(Strict):
    """One question: the caption, the picture, and the wrong answers beside the right one."""

    caption: str
    picture: str
    wrong: tuple[str, ...]


class Candidates(Strict):
    """A file of candidates."""

    format: Literal["gdbench-candidates-1"] = "gdbench-candidates-1"
    caution: str
    encoder: str
    """`name@revision` of the dual encoder that chose."""
    content_sha256: str = Field(pattern=SHA256)
    """Of that encoder."""
    top: int
    """Candidates of a question, the right one among them."""
    origin: Origin
    pictures: dict[str, str]
    """Name -> sha256 of the picture."""
    text: tuple[Chosen, ...] = ()
    """The wrong ones are captions."""
    image: tuple[Chosen, ...] = ()
    """The wrong ones are pictures."""
    sha256: str = ""
    """Over everything else."""

    def digest(self) -> str:
        """The hash that `sha256` has to be."""
        return hashlib.sha256(
            canonical(self.model_dump(mode="json", exclude={"sha256"}))
        ).hexdigest()

    def save(self, path: Path) -> None:
        """Write the file. Raises InputError where there is one already: what is frozen stays."""
        if path.exists():
            raise InputError(f"{path} is there already; choose another --out")
        sealed = self.model_copy(update={"sha256": self.digest()})
        write_atomically(path, sealed.model_dump_json(indent=1).encode() + b"\n")


@dataclass(frozen=True)
class Pair:
    """A picture and a caption that is right for it."""

    name: str
    image: ImageRef
    caption: str


def is_frozen(path: Path) -> bool:
    """Whether a file is one of candidates, by its beginning."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return FORMAT.encode() in file.read(200)


def load(path: Path) -> Candidates:
    """The candidates in a file. Raises InputError where they were changed or are damaged."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES:,} bytes: no file of candidates is")
        found = Candidates.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: no file of candidates: {place}: {first['msg']}") from None
    if found.sha256 != found.digest():
        raise InputError(f"{path}: was changed after it was frozen: its hash is another")
    return found


def pairs_of(
    origin: Origin, folder: Path, root: Path | None = None, *, verify: Verify = "none"
) -> tuple[list[Pair], OwnData]:
    """Pictures and right captions of an origin, and what was wrong with them.

    `folder` is what a path is relative to. Raises InputError where the data are not there.
    """
    if origin.task is not None:
        return list(_pairs_of_task(origin, root)), OwnData(Path(origin.task), origin.task)
    path = Path(os.path.normpath(folder / (origin.data or ".")))
    data = read_own(path, origin.options.model_copy(update={"ask": "retrieval"}), verify=verify)
    return [Pair(row.name, row.image, row.caption) for row in data.rows], data


def _pairs_of_task(origin: Origin, root: Path | None) -> Iterator[Pair]:
    from gdbench.tasks import TASKS

    seen: set[tuple[str, str]] = set()
    for item in TASKS.get(origin.task or "").items(origin.suite or "full", root):
        for image, text in _right(item):
            pair = Pair(image.sha256, image, text)
            if (pair.name, text) not in seen:
                seen.add((pair.name, text))
                yield pair


def _right(item: Item) -> Iterator[tuple[ImageRef, str]]:
    """Each picture of an item with the text that is right for it."""
    if item.query is Query.TEXT_RETRIEVAL:
        yield item.images[0], item.texts[item.gold[0]]
    elif item.query is Query.IMAGE_RETRIEVAL:
        yield item.images[item.gold[0]], item.texts[0]
    elif item.query is Query.MATCHING:
        yield from ((i, item.texts[k]) for i, k in zip(item.images, item.gold, strict=True))
    else:
        raise InputError(f"item {item.id}: association has no captions to choose among")


def read_frozen(
    path: Path, options: DataOptions, *, root: Path | None = None, verify: Verify = "none"
) -> OwnData:
    """The questions of a file of candidates, with pictures that are checked to be the same."""
    chosen = load(path)
    said = options.model_dump(exclude_none=True, exclude={"name"})
    if said:
        flag = f"--{next(iter(said)).replace('_', '-')}"
        raise InputError(f"{flag}: the questions of {path} are frozen; leave it out")
    pairs, source = pairs_of(chosen.origin, path.absolute().parent, root, verify=verify)
    data = OwnData(path, options.name or clean_name(path), "candidates", problems=source.problems)
    images = {pair.name: pair.image for pair in pairs}
    for name, digest in chosen.pictures.items():
        if name not in images:
            data.problems.add(path.name, name, "this picture is no longer among the data")
        elif images[name].sha256 != digest:
            data.problems.add(path.name, name, "this picture is another than when it was frozen")
    if not data.problems.blocking:
        items = [*_items(chosen.image, images, IMAGE), *_items(chosen.text, images, TEXT)]
        data.items = sorted(items, key=lambda item: item.id)
    data.ask = _ask(chosen)
    data.problems.notes.append(chosen.caution)
    return data


def _ask(chosen: Candidates) -> Ask:
    if chosen.text and chosen.image:
        return "retrieval"
    return "text" if chosen.text else "image"


def _items(
    questions: Sequence[Chosen], images: Mapping[str, ImageRef], subtask: str
) -> Iterator[Item]:
    stems = stems_of(images)
    seen: dict[str, int] = {}
    for question in questions:
        stem = stems[question.picture]
        n = seen[stem] = seen.get(stem, 0) + 1
        name = f"{'text' if subtask == TEXT else 'image'}/{stem}{'' if n == 1 else f'#{n}'}"
        pictures, texts = [question.picture], [question.caption]
        (texts if subtask == TEXT else pictures).extend(question.wrong)
        query = Query.TEXT_RETRIEVAL if subtask == TEXT else Query.IMAGE_RETRIEVAL
        yield Item(
            name, tuple(images[p] for p in pictures), tuple(texts), query, (0,), subtask,
            cluster=stem_of(question.picture),
        )  # fmt: skip
