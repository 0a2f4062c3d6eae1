"""COLA, multi-object setting: two pictures and two captions with attributes exchanged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.loading import Part, Source, load
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_NAME = "COLA_multiobjects_matching_benchmark.json"


def _read(source: Source, path: str) -> Iterator[Item]:
    """Items of a list of [picture, caption, picture, caption]; pictures go by their file name."""
    for index, row in enumerate(source.tree.json(path, list) or []):
        entry = f"row {index}"
        if not isinstance(row, list) or len(row) != 4 or not all(isinstance(v, str) for v in row):  # noqa: PLR2004 # two pairs
            source.problems.add(path, entry, "expected [picture, caption, picture, caption]")
            continue
        texts = tuple(" ".join(text.replace("#", " ").split()) for text in (row[1], row[3]))
        if texts[0] == texts[1]:
            source.problems.add(path, entry, f"both captions are {texts[0]!r}")
            continue
        names = [PurePosixPath(row[i]).name for i in (0, 2)]
        found = [source.tree.image(f"cola/images/{name}", path, entry) for name in names]
        images = tuple(image for image in found if image is not None)
        if len(images) == len(found):
            yield Item(
                id=f"cola/{index}",
                images=images,
                texts=texts,
                query=Query.MATCHING,
                gold=(0, 1),
                subtask="multi",
            )


PARTS = (Part((f"cola/data/{_NAME}", f"cola/{_NAME}"), _read),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The 210 items; see `gdbench.data.loading.load` for what is raised."""
    return load("cola", PARTS, root, compat, allow_partial=allow_partial)
