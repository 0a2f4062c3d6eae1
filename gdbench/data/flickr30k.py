"""Flickr30K, Karpathy's validation split: ten candidates for each query.

The released lists hold the ten nearest candidates of CLIP RN50x64, the right one first. The
neutral lists draw the nine others at random from the same split, by a seed that depends on the
query alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.loading import Part, Source, load
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import Compat

IMAGE_LISTS = "flickr30k/val_top10_RN50x64.json"
TEXT_LISTS = "flickr30k/val_top10_RN50x64_text.json"
FOLDERS = (
    "flickr30k/images",
    "flickr30k/flickr30k-images",
    "flickr30k/flickr30k_images",
    "flickr30k-images",
    "flickr30k_images",
)
"""Where the pictures lie: the release's folder, and those of the archives as they unpack."""
NEUTRAL_VERSION = "flickr30k-neutral-1"
_CANDIDATES = 10
_STEP = 5  # the release asks one query per picture: every fifth of the list of captions
_HUB = CATALOGUE["flickr30k"].hub[0]
Pictures = Callable[[str, str, str], ImageRef | None]


@dataclass(frozen=True)
class _Query:
    entry: str
    right: str  # file name of the picture
    candidates: tuple[str, ...]  # captions or file names


def _pictures(source: Source) -> Pictures:
    """Finds a picture by file name: in the folder, else in the hub data set."""
    folder = source.tree.first(*FOLDERS)
    if folder is None and source.tree.has(_HUB.folder):
        rows = source.hub_rows(_HUB)
        index = {} if rows is None else {str(r["filename"]): i for i, r in rows.texts("filename")}

        def from_hub(name: str, file: str, entry: str) -> ImageRef | None:
            if rows is None or name not in index:
                source.problems.add(file, entry, f"{name} is not in {_HUB.id}")
                return None
            return rows.image(index[name], "image")

        return from_hub

    def from_folder(name: str, file: str, entry: str) -> ImageRef | None:
        return source.tree.image(f"{folder or FOLDERS[0]}/{name}", file, entry)

    return from_folder


def _file_name(path: str) -> str:
    """The picture's name; the lists give paths as on the authors' machine."""
    return PurePosixPath(path).name


def _lists(source: Source, path: str) -> Mapping[str, tuple[str, ...]]:
    """The lists of ten; a malformed one is noted and left out."""
    good: dict[str, tuple[str, ...]] = {}
    found: dict[str, Any] = source.tree.json(path, dict) or {}
    for key, values in found.items():
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            source.problems.add(path, key, "expected a list of ten texts")
        elif len(values) != _CANDIDATES:
            source.problems.add(path, key, f"{len(values)} candidates, expected {_CANDIDATES}")
        else:
            if values[0] in values[1:]:
                source.problems.add(path, key, "the right candidate stands twice", blocking=False)
            good[key] = tuple(values)
    repeated = sum(len(set(v[1:])) < len(v) - 1 for v in good.values())
    if repeated:
        source.problems.notes.append(f"{path}: {repeated} lists repeat a wrong candidate")
    return good


def _image_queries(source: Source, path: str) -> list[_Query]:
    found = _lists(source, path)
    return [
        _Query(caption, _file_name(paths[0]), tuple(map(_file_name, paths)))
        for caption, paths in list(found.items())[::_STEP]
    ]


def _text_queries(source: Source, path: str) -> list[_Query]:
    return [_Query(key, _file_name(key), texts) for key, texts in _lists(source, path).items()]


def _image_item(path: str, query: _Query, names: Sequence[str], find: Pictures) -> Item | None:
    images = tuple(i for n in names if (i := find(n, path, query.entry)) is not None)
    if len(images) != len(names):
        return None
    stem = PurePosixPath(query.right).stem
    return Item(
        id=f"flickr30k/image/{stem}",
        images=images,
        texts=(query.entry,),
        query=Query.IMAGE_RETRIEVAL,
        gold=(0,),
        subtask="image_retrieval",
        cluster=f"flickr30k/{stem}",
    )


def _text_item(path: str, query: _Query, texts: tuple[str, ...], find: Pictures) -> Item | None:
    image = find(query.right, path, query.entry)
    if image is None:
        return None
    stem = PurePosixPath(query.right).stem
    return Item(
        id=f"flickr30k/text/{stem}",
        images=(image,),
        texts=texts,
        query=Query.TEXT_RETRIEVAL,
        gold=(0,),
        subtask="text_retrieval",
        cluster=f"flickr30k/{stem}",
    )


def _drawn(query: _Query, pool: Sequence[str], right: str) -> tuple[str, ...]:
    """`right`, then nine others of `pool` (sorted) drawn by a seed made of the query's picture."""
    others = [value for value in pool if value != right]
    rng = random.Random(f"{NEUTRAL_VERSION}/{query.right}")
    return (right, *rng.sample(others, min(_CANDIDATES - 1, len(others))))


def _read_image(source: Source, path: str) -> Iterator[Item]:
    find = _pictures(source)
    for query in _image_queries(source, path):
        item = _image_item(path, query, query.candidates, find)
        if item is not None:
            yield item


def _read_text(source: Source, path: str) -> Iterator[Item]:
    find = _pictures(source)
    for query in _text_queries(source, path):
        item = _text_item(path, query, query.candidates, find)
        if item is not None:
            yield item


def _read_neutral_image(source: Source, path: str) -> Iterator[Item]:
    find = _pictures(source)
    queries = _image_queries(source, path)
    pool = sorted({query.right for query in queries})
    for query in queries:
        item = _image_item(path, query, _drawn(query, pool, query.right), find)
        if item is not None:
            yield item


def _read_neutral_text(source: Source, path: str) -> Iterator[Item]:
    find = _pictures(source)
    queries = _text_queries(source, path)
    pool = sorted({query.candidates[0] for query in queries})
    for query in queries:
        texts = _drawn(query, pool, query.candidates[0])
        item = _text_item(path, query, texts, find)
        if item is not None:
            yield item


PARTS = (Part((IMAGE_LISTS,), _read_image), Part((TEXT_LISTS,), _read_text))
NEUTRAL_PARTS = (
    Part((IMAGE_LISTS,), _read_neutral_image),
    Part((TEXT_LISTS,), _read_neutral_text),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items with the released candidates; see `gdbench.data.loading.load` for what is raised."""
    return load("flickr30k", PARTS, root, compat, allow_partial=allow_partial)


def neutral_items(
    root: Path | None, compat: Compat | None, *, allow_partial: bool
) -> Iterable[Item]:
    """The same queries with candidates drawn at random."""
    return load("flickr30k", NEUTRAL_PARTS, root, compat, allow_partial=allow_partial)
