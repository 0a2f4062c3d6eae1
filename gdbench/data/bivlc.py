"""BiVLC: SugarCrepe's captions with a picture drawn for the negative one, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gdbench.data.entry import Entry, HubSet, Shape
from gdbench.data.loading import load
from gdbench.data.pair_sets import SUBTASK, PairColumns, pair_part
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_HUB = HubSet("imirandam/BiVLC", None, "test", license="MIT; COCO pictures under Flickr terms")
# the columns are those that its authors' loader reads; how many rows there are was not seen
_COLUMNS = PairColumns(
    ("caption", "negative_caption"), ("image", "negative_image"), tags=("type", "subtype")
)
PARTS = (pair_part("bivlc", _HUB, _COLUMNS),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={},
    shapes={SUBTASK: Shape(Query.MATCHING, 2, 2)},
    folders=("bivlc",),
    hub=(_HUB,),
    hub_role="enough",
    license="MIT; COCO pictures under Flickr terms",
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The pairs of the test split; see `gdbench.data.loading.load` for what is raised."""
    return load("bivlc", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
