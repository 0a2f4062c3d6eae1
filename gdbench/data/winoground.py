"""Winoground: 400 examples of two pictures and two captions made of the same words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source, load
from gdbench.data.problems import Problems
from gdbench.data.tree import fields
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import Compat

_FIELDS = {"id": int, "caption_0": str, "caption_1": str, "collapsed_tag": str}
_TAGS = ("Object", "Relation", "Both")


def _item(
    row: Mapping[str, Any],
    images: list[ImageRef | None],
    file: str,
    entry: str,
    problems: Problems,
) -> Item | None:
    tag, texts = row["collapsed_tag"], (row["caption_0"], row["caption_1"])
    if tag not in _TAGS:
        problems.add(file, entry, f"collapsed_tag is {tag!r}, expected one of {', '.join(_TAGS)}")
    if texts[0] == texts[1]:
        problems.add(file, entry, f"both captions are {texts[0]!r}")
    whole = tuple(image for image in images if image is not None)
    if tag not in _TAGS or texts[0] == texts[1] or len(whole) != len(images):
        return None
    return Item(
        id=f"winoground/{row['id']}",
        images=whole,
        texts=texts,
        query=Query.MATCHING,
        gold=(0, 1),
        subtask="winoground",
        tags=(tag,),
    )


def _read(source: Source, path: str) -> Iterator[Item]:
    for index, found in enumerate(source.tree.json(path, list) or []):
        row = fields(found, _FIELDS, path, f"row {index}", source.problems)
        if row is None:
            continue
        entry = f"id {row['id']}"
        stems = [f"winoground/images/ex_{row['id']}_img_{i}" for i in (0, 1)]
        names = [source.tree.first(f"{s}.png", f"{s}.jpg") or f"{s}.png" for s in stems]
        source.tree.used.update(names)
        images: list[ImageRef | None] = [source.tree.image(n, path, entry) for n in names]
        item = _item(row, images, path, entry, source.problems)
        if item is not None:
            yield item
    source.tree.stray("winoground/images", source.tree.used)


def _read_hub(source: Source, rows: HubRows) -> Iterator[Item]:
    for index, found in rows.texts(*_FIELDS):
        entry = f"row {index}"
        row = fields(found, _FIELDS, rows.file, entry, source.problems)
        if row is None:
            continue
        images: list[ImageRef | None] = [rows.image(index, f"image_{i}") for i in (0, 1)]
        item = _item(row, images, rows.file, entry, source.problems)
        if item is not None:
            yield item


PARTS = (Part(("winoground/data.json",), _read, CATALOGUE["winoground"].hub[0], _read_hub),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The 400 items; see `gdbench.data.loading.load` for what is raised."""
    return load("winoground", PARTS, root, compat, allow_partial=allow_partial)
