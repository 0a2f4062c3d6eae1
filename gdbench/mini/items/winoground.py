"""Winoground in miniature: two images, two captions of the same words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from gdbench.mini.captions import conjunction
from gdbench.mini.contrasts import Contrast, Maker, binding, order, size_binding
from gdbench.mini.corpus import any_pair, any_sizes
from gdbench.mini.picture import Drawn
from gdbench.mini.scenes import Pair
from gdbench.mini.seeding import stream
from gdbench.protocol import Item, Query


def both(rng: random.Random) -> Contrast:
    """Shapes and sizes change places, and the colours stay."""
    one = any_pair(rng, any_sizes(rng))
    two = Pair(
        replace(one.first, shape=one.second.shape, size=one.second.size),
        replace(one.second, shape=one.first.shape, size=one.first.size),
        one.relation,
    )
    texts = (conjunction(one.first, one.second), conjunction(two.first, two.second))
    return Contrast((one, two), texts)


# Tag and contrast in turn: things that change places, adjectives that do, or both.
_TURNS: tuple[tuple[str, Maker], ...] = (
    ("Object", order),
    ("Relation", binding),
    ("Object", order),
    ("Relation", size_binding),
    ("Both", both),
)


def winoground() -> Iterator[Item]:
    """Yield 100 items of two images and two texts."""
    for place in range(100):
        tag, maker = _TURNS[place % len(_TURNS)]
        contrast = maker(stream("test", "winoground", place))
        yield Item(
            id=f"winoground-{place:03d}",
            images=tuple(
                Drawn(scene, ("test", "winoground", place, side))
                for side, scene in enumerate(contrast.scenes)
            ),
            texts=contrast.texts,
            query=Query.MATCHING,
            gold=(0, 1),
            subtask="winoground",
            tags=(tag,),
        )
