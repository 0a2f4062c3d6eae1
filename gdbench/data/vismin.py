"""VisMin: two pictures that differ in one thing, and their captions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gdbench.data.entry import Entry, HubSet, Shape
from gdbench.data.loading import load
from gdbench.data.pair_sets import SUBTASK, PairColumns, pair_part
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_HUB = HubSet("mair-lab/vismin-bench", None, "test", license="CC BY 4.0")
# pictures and category as public loaders read them; the names of the captions were not seen
_COLUMNS = PairColumns(("text_0", "text_1"), ("image_0", "image_1"), tags=("category",))
PARTS = (pair_part("vismin", _HUB, _COLUMNS),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={SUBTASK: 2084},
    shapes={SUBTASK: Shape(Query.MATCHING, 2, 2)},
    folders=("vismin",),
    hub=(_HUB,),
    hub_role="enough",
    license="CC BY 4.0",
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The pairs of the test split; see `gdbench.data.loading.load` for what is raised."""
    return load("vismin", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
