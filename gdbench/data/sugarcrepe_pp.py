"""SugarCrepe++: two true captions in other words, and one wrong one alike, on COCO val2017."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.entry import Download, Entry, Shape
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

# fields, counts and the commit: as a public audit of the files has them; the first rows of
# replace_att.json were read
_FIELDS = {"id": int, "filename": str, "caption": str, "caption2": str, "negative_caption": str}
_FOLDERS = ("sugarcrepe/val2017", "sugarcrepe/images", "sugarcrepe_pp/val2017", "coco/val2017")
_HUB = "https://huggingface.co/datasets/Aman-J/SugarCrepe_pp/resolve"
_COMMIT = "dea2a1b6f9e1069c609f676aa55ec61e9b65fb61"
SUBTASKS = {
    "replace_att": 788,
    "replace_obj": 1652,
    "replace_rel": 1406,
    "swap_att": 666,
    "swap_obj": 245,
}
_LICENSE = "MIT; COCO pictures under Flickr terms"


def _read(source: Source, path: str) -> Iterator[Item]:
    """Items of one file: a list of {id, filename, caption, caption2, negative_caption}."""
    subtask = PurePosixPath(path).stem
    folder = source.tree.first(*_FOLDERS) or _FOLDERS[0]
    for index, found in enumerate(source.tree.json(path, list) or []):
        row = fields(found, _FIELDS, path, f"row {index}", source.problems)
        if row is None:
            continue
        entry = f"id {row['id']}"
        texts = (row["caption"], row["caption2"], row["negative_caption"])
        if not all(text.strip() for text in texts):
            source.problems.add(path, entry, "a caption is empty")
            continue
        if texts[2] in texts[:2]:
            source.problems.add(path, entry, f"the wrong caption is a true one: {texts[2]!r}")
            continue
        image = source.tree.image(f"{folder}/{row['filename']}", path, entry)
        if image is not None:
            yield Item(
                id=f"sugarcrepe_pp/{subtask}/{row['id']}",
                images=(image,),
                texts=texts,
                query=Query.TEXT_RETRIEVAL,
                gold=(0,),
                subtask=subtask,
                cluster=f"sugarcrepe_pp/{PurePosixPath(row['filename']).stem}",
            )


PARTS = tuple(
    Part((f"sugarcrepe_pp/data/{name}.json", f"sugarcrepe_pp/{name}.json"), _read)
    for name in SUBTASKS
)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected=SUBTASKS,
    shapes=dict.fromkeys(SUBTASKS, Shape(Query.TEXT_RETRIEVAL, 1, 3)),
    folders=("sugarcrepe_pp",),
    license=_LICENSE,
    downloads=(
        *(
            Download(
                f"{_HUB}/{_COMMIT}/data/{name}.json",
                f"sugarcrepe_pp/data/{name}.json",
                alternatives=(f"{_HUB}/main/data/{name}.json",),
                about="under 1 MB",
                license="MIT",
            )
            for name in SUBTASKS
        ),
        # the pictures of SugarCrepe, in its place: those who have both fetch them once
        next(file for file in CATALOGUE["sugarcrepe"].downloads if file.unpack),
    ),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of the five sub-sets; see `gdbench.data.loading.load` for what is raised."""
    return load("sugarcrepe_pp", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
