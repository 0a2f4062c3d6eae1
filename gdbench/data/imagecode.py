"""ImageCoDe, validation: ten frames or photographs alike, one detailed caption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gdbench.data.catalogue import CATALOGUE
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
    if not source.tree.has("imagecode/image-sets"):
        # one problem for all sets; what the pictures would be called does not matter
        absent = [source.tree.image(f"{folder}/img{k}.jpg", path, name) for k in range(_FRAMES)]
        whole = tuple(image for image in absent if image is not None)
        return whole if len(whole) == _FRAMES else None
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
    if not source.tree.has("imagecode/image-sets") and source.tree.has(_HUB.folder):
        yield from _read_hub(source, path)
        return
    for name, captions in _annotations(source, path):
        images = _frames(source, path, name)
        if images is not None:
            yield from _items(source, name, captions, images)


def _read_hub(source: Source, path: str) -> Iterator[Item]:
    """Pictures of the hub's retrieval layout (corpus, query, qrels) for the released captions.

    The hub names neither the sets nor their order: a query is found by its caption, its ten
    pictures are put in the order of the numbers in their ids, and the place of the right one has
    to be the released index.
    """
    corpus = source.hub_rows(_HUB, config="corpus", split="corpus")
    queries = source.hub_rows(_HUB, config="query", split="test")
    judged = source.hub_rows(_HUB, config="qrels", split="test")
    if corpus is None or queries is None or judged is None:
        return
    row_of = {str(row["id"]): index for index, row in corpus.texts("id")}
    query_of: dict[str, list[str]] = {}
    for _, row in queries.texts("id", "text"):
        query_of.setdefault(str(row["text"]).strip(), []).append(str(row["id"]))
    pool: dict[str, list[str]] = {}
    right: dict[str, str] = {}
    for _, row in judged.texts("query-id", "corpus-id", "score"):
        query, picture = str(row["query-id"]), str(row["corpus-id"])
        pool.setdefault(query, []).append(picture)
        if row["score"] == 1:
            right[query] = picture
    for name, captions in _annotations(source, path):
        for gold, caption in captions:
            names = _pool_of(query_of.get(caption.strip(), []), pool, right, gold)
            if names is None:
                source.problems.add(path, f"{name}[{gold}]", f"no such query in {_HUB.id}")
                continue
            found = [corpus.image(row_of[n], "image") if n in row_of else None for n in names]
            images = tuple(image for image in found if image is not None)
            if len(images) == _FRAMES:
                yield from _items(source, name, [(gold, caption)], images)
            else:
                source.problems.add(path, f"{name}[{gold}]", f"{len(images)} pictures")


def _pool_of(
    queries: list[str], pool: dict[str, list[str]], right: dict[str, str], gold: int
) -> list[str] | None:
    """The pictures of the query whose right one is number `gold`, in the order of their numbers."""
    for query in queries:
        names = sorted(
            pool.get(query, []), key=lambda n: [int(d) for d in re.findall(r"\d+", n)][-1:]
        )
        if len(names) == _FRAMES and names[gold] == right.get(query):
            return names
    return None


_HUB = CATALOGUE["imagecode"].hub[0]
_ANNOTATIONS = "imagecode/valid_data.json"
PARTS = (Part((_ANNOTATIONS,), _read),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of both sub-tasks; see `gdbench.data.loading.load` for what is raised."""
    return load("imagecode", PARTS, root, compat, allow_partial=allow_partial)
