"""ColorSwap: two pictures and two captions that exchange the colours of two things."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gdbench.data.entry import Entry, HubSet, Shape
from gdbench.data.loading import load
from gdbench.data.pair_sets import SUBTASK, PairColumns, pair_part
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_HUB = HubSet("stanfordnlp/colorswap", None, "test", license="not stated")
# the columns are those that a public loader reads; how many rows there are was not seen
_COLUMNS = PairColumns(("caption_1", "caption_2"), ("image_1", "image_2"))
PARTS = (pair_part("colorswap", _HUB, _COLUMNS),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={},
    shapes={SUBTASK: Shape(Query.MATCHING, 2, 2)},
    folders=("colorswap",),
    hub=(_HUB,),
    hub_role="enough",
    license="not stated",
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The pairs of the test split; see `gdbench.data.loading.load` for what is raised."""
    return load("colorswap", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
