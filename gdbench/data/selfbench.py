"""Self-Bench: pictures made by generators from prompts, to be matched with prompts alike.

`selfbench/annotations.json` is a list of `{"image": file below selfbench/images, "texts": [...],
"gold": index, "category": GenEval's category, "generator": who made the picture}`. The data set on
the hub (eugene6923/Self-Bench) has to be brought into this form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

CATEGORIES = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
_FIELDS = {"image": str, "texts": list, "gold": int, "category": str, "generator": str}


def _read(source: Source, path: str) -> Iterator[Item]:
    for index, found in enumerate(source.tree.json(path, list) or []):
        entry = f"row {index}"
        row = fields(found, _FIELDS, path, entry, source.problems)
        if row is None:
            continue
        texts = row["texts"]
        wrong = ""
        if len(texts) < 2 or not all(isinstance(t, str) and t for t in texts):  # noqa: PLR2004 # a choice
            wrong = "field 'texts' needs two texts or more"
        elif len(set(texts)) < len(texts):
            wrong = "a text stands twice in 'texts'"
        elif not 0 <= row["gold"] < len(texts):
            wrong = f"gold index {row['gold']} is out of 0..{len(texts) - 1}"
        elif row["category"] not in CATEGORIES:
            wrong = f"category {row['category']!r}, expected one of {', '.join(CATEGORIES)}"
        if wrong:
            source.problems.add(path, entry, wrong)
            continue
        image = source.tree.image(f"selfbench/images/{row['image']}", path, entry)
        if image is not None:
            stem = PurePosixPath(row["image"]).with_suffix("").as_posix()
            yield Item(
                id=f"selfbench/{row['category']}/{stem}/{row['gold']}",
                images=(image,),
                texts=tuple(texts),
                query=Query.TEXT_RETRIEVAL,
                gold=(row["gold"],),
                subtask=row["category"],
                cluster=f"selfbench/{stem}",
                tags=(row["generator"],),
            )


PARTS = (Part(("selfbench/annotations.json",), _read),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of all categories; see `gdbench.data.loading.load` for what is raised."""
    return load("selfbench", PARTS, root, compat, allow_partial=allow_partial)
