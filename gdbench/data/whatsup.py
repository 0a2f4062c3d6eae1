"""What'sUp: one thing on, under, left or right of another; four captions that differ in a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from gdbench.data.entry import Entry, Shape
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

# the fields and that the first caption is the right one: as public loaders of the set have it
_FIELDS = {"image_path": str, "caption_options": list}
_OPTIONS = 4
SUBTASKS = {"photographs": "controlled_images", "clevr": "controlled_clevr"}


def _read(subtask: str, source: Source, path: str) -> Iterator[Item]:
    """Items of a list of {image_path, caption_options}; pictures go by their file name."""
    folder = f"whatsup/{SUBTASKS[subtask]}"
    for index, found in enumerate(source.tree.json(path, list) or []):
        entry = f"row {index}"
        row = fields(found, _FIELDS, path, entry, source.problems)
        if row is None:
            continue
        texts = row["caption_options"]
        if len(texts) != _OPTIONS or not all(isinstance(text, str) and text for text in texts):
            source.problems.add(path, entry, f"caption_options: expected {_OPTIONS} captions")
            continue
        if len(set(texts)) < _OPTIONS:
            source.problems.add(path, entry, "two of the captions are equal")
            continue
        name = PurePosixPath(row["image_path"]).name
        image = source.tree.image(f"{folder}/{name}", path, entry)
        if image is not None:
            yield Item(
                id=f"whatsup/{subtask}/{PurePosixPath(name).stem}",
                images=(image,),
                texts=tuple(texts),
                query=Query.TEXT_RETRIEVAL,
                gold=(0,),
                subtask=subtask,
                # the pictures of the same two things have the same captions in other orders
                cluster=f"whatsup/{subtask}/{min(texts)}",
            )


PARTS = tuple(
    Part((f"whatsup/{stem}_dataset.json",), partial(_read, subtask))
    for subtask, stem in SUBTASKS.items()
)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={},
    usual={"photographs": 412},
    shapes=dict.fromkeys(SUBTASKS, Shape(Query.TEXT_RETRIEVAL, 1, _OPTIONS)),
    folders=("whatsup",),
    license="MIT (code and annotations)",
    by_hand=(
        "controlled_images_dataset.json, controlled_clevr_dataset.json and the folders "
        "controlled_images/, controlled_clevr/ (Google Drive; addresses in "
        "github.com/amitakamath/whatsup_vlms) to whatsup/",
    ),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Both controlled sets; see `gdbench.data.loading.load` for what is raised."""
    return load("whatsup", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
