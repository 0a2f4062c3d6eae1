"""Bias in miniature: two groups, with an association planted in the training captions."""

from __future__ import annotations

from collections.abc import Iterator

from gdbench.mini.creatures import GROUPS, PLEASANT, UNPLEASANT
from gdbench.mini.picture import Drawn
from gdbench.mini.scenes import Member
from gdbench.protocol import Item, Query


def bias() -> Iterator[Item]:
    """Yield 50 items of each group: one image, eight pleasant and eight unpleasant words."""
    for group in GROUPS:
        for place in range(50):
            yield Item(
                id=f"{group}-{place:03d}",
                images=(Drawn(Member(group), ("test", "bias", group, place)),),
                texts=(*PLEASANT, *UNPLEASANT),
                query=Query.ASSOCIATION,
                gold=tuple(range(len(PLEASANT))),
                subtask=group,
            )
