"""SugarCrepe: a true caption against a fluent, plausible, wrong one, on COCO val2017."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.catalogue import SUGARCREPE_SUBTASKS
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_FIELDS = {"filename": str, "caption": str, "negative_caption": str}
_FOLDERS = ("sugarcrepe/images", "sugarcrepe/val2017", "coco/val2017")


def _read(source: Source, path: str) -> Iterator[Item]:
    """Items of one file: `{number: {filename, caption, negative_caption}}`."""
    subtask = PurePosixPath(path).stem
    folder = source.tree.first(*_FOLDERS) or _FOLDERS[0]
    for key, found in (source.tree.json(path, dict) or {}).items():
        row = fields(found, _FIELDS, path, key, source.problems)
        if row is None:
            continue
        texts = (row["caption"], row["negative_caption"])
        if texts[0] == texts[1]:
            source.problems.add(path, key, f"both captions are {texts[0]!r}")
            continue
        image = source.tree.image(f"{folder}/{row['filename']}", path, key)
        if image is not None:
            yield Item(
                id=f"sugarcrepe/{subtask}/{key}",
                images=(image,),
                texts=texts,
                query=Query.TEXT_RETRIEVAL,
                gold=(0,),
                subtask=subtask,
                cluster=f"sugarcrepe/{PurePosixPath(row['filename']).stem}",
            )


PARTS = tuple(
    Part((f"sugarcrepe/data/{name}.json", f"sugarcrepe/{name}.json"), _read)
    for name in SUGARCREPE_SUBTASKS
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of the seven sub-sets; see `gdbench.data.loading.load` for what is raised."""
    return load("sugarcrepe", PARTS, root, compat, allow_partial=allow_partial)
