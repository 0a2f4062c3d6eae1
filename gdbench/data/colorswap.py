"""ColorSwap: two pictures and two captions that exchange the colours of two things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gdbench.data.entry import Entry, HubSet, Shape
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

# the columns are those that a public loader of the set reads; how many rows it has was not seen
_FIELDS = {"caption_1": str, "caption_2": str}
_HUB = HubSet("stanfordnlp/colorswap", None, "test", license="not stated")


def _read(source: Source, path: str) -> Iterator[Item]:
    """Nothing: pictures and captions are published together, on the hub alone."""
    source.problems.add(path, "", "fetch the set from the hub: `gdbench data fetch colorswap`")
    yield from ()


def _read_hub(source: Source, rows: HubRows) -> Iterator[Item]:
    for index, found in rows.texts(*_FIELDS):
        entry = f"row {index}"
        row = fields(found, _FIELDS, rows.file, entry, source.problems)
        if row is None:
            continue
        texts = (row["caption_1"], row["caption_2"])
        if texts[0] == texts[1]:
            source.problems.add(rows.file, entry, f"both captions are {texts[0]!r}")
            continue
        images = tuple(rows.image(index, f"image_{i}") for i in (1, 2))
        whole = tuple(image for image in images if image is not None)
        if len(whole) == len(images):
            yield Item(
                id=f"colorswap/{index}",
                images=whole,
                texts=texts,
                query=Query.MATCHING,
                gold=(0, 1),
                subtask="pairs",
            )


PARTS = (Part(("colorswap/data.json",), _read, _HUB, _read_hub),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={},
    shapes={"pairs": Shape(Query.MATCHING, 2, 2)},
    folders=("colorswap",),
    hub=(_HUB,),
    hub_role="enough",
    license="not stated",
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The pairs of the test split; see `gdbench.data.loading.load` for what is raised."""
    return load("colorswap", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
