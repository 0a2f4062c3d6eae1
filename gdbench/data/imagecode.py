"""ImageCoDe, validation: ten frames or photographs alike, one detailed caption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gdbench.data.loading import Part, Source, load
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import Compat

_FRAME = re.compile(r"img(\d+)\.jpe?g", re.IGNORECASE)
_STATIC = "open-images"  # in the name of every set of photographs (not video frames)
_FRAMES = 10


def _annotations(source: Source, path: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Sets and their captions by index; whatever is malformed is noted and left out."""
    for name, captions in (source.tree.json(path, dict) or {}).items():
        if not isinstance(captions, dict) or not captions:
            source.problems.add(path, name, "expected an object {image index: caption}")
            continue
        good = []
        for key, caption in captions.items():
            entry = f"{name}[{key}]"
            if not re.fullmatch(r"\d{1,4}", key):
                source.problems.add(path, entry, "the image index is not a number")
            elif int(key) >= _FRAMES:
                source.problems.add(path, entry, f"image index {key} is out of 0..{_FRAMES - 1}")
            elif not isinstance(caption, str) or not caption.strip():
                source.problems.add(path, entry, "expected a caption")
            else:
                good.append((int(key), caption))
        yield name, good


def _frames(source: Source, path: str, name: str) -> tuple[ImageRef, ...] | None:
    """The pictures of a set, by number; None after a problem."""
    folder = f"imagecode/image-sets/{name}"
    numbered: dict[int, str] = {}
    listing = source.tree.names(folder)
    if not listing:
        source.problems.add(path, name, source.tree.missing(folder))
        return None
    good = True
    for file in listing:
        match = _FRAME.fullmatch(file)
        if match is None or int(match[1]) in numbered:
            source.problems.add(f"{folder}/{file}", "", "expected one img<number>.jpg per number")
            good = False
        else:
            numbered[int(match[1])] = file
    if len(numbered) != _FRAMES:
        source.problems.add(folder, "", f"{len(numbered)} pictures, expected {_FRAMES}")
        good = False
    images = [source.tree.image(f"{folder}/{f}", path, name) for _, f in sorted(numbered.items())]
    whole = tuple(image for image in images if image is not None)
    return whole if good and len(whole) == _FRAMES else None


def _items(
    source: Source, name: str, captions: list[tuple[int, str]], images: tuple[ImageRef, ...]
) -> Iterator[Item]:
    static = _STATIC in name
    subtasks = ["static" if static else "video"]
    if static and source.compat is not None:
        subtasks.append("video")  # the release's `imagecode_video` keeps the static sets too
    for gold, caption in captions:
        for subtask in subtasks:
            yield Item(
                id=f"imagecode/{subtask}/{name}/{gold}",
                images=images,
                texts=(caption,),
                query=Query.IMAGE_RETRIEVAL,
                gold=(gold,),
                subtask=subtask,
                cluster=f"imagecode/{name}",
            )


def _read(source: Source, path: str) -> Iterator[Item]:
    for name, captions in _annotations(source, path):
        images = _frames(source, path, name)
        if images is not None:
            yield from _items(source, name, captions, images)


_ANNOTATIONS = "imagecode/valid_data.json"
PARTS = (Part((_ANNOTATIONS,), _read),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of both sub-tasks; see `gdbench.data.loading.load` for what is raised."""
    return load("imagecode", PARTS, root, compat, allow_partial=allow_partial)
