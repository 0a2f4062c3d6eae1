"""SVO-Probes in miniature: one sentence, two pictures, one word replaced."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS
from gdbench.mini.contrasts import other
from gdbench.mini.corpus import any_event
from gdbench.mini.picture import Drawn
from gdbench.mini.seeding import stream
from gdbench.protocol import Item, Query

_REPLACED = {
    "verb": ("verb", VERBS),
    "subj": ("subject", tuple(SUBJECTS)),
    "obj": ("object", tuple(OBJECTS)),
}


def svo() -> Iterator[Item]:
    """Yield 100 items per replaced word; both sentences of a pair of pictures are asked."""
    for subtask, (part, names) in _REPLACED.items():
        for place in range(50):
            rng = stream("test", "svo", subtask, place)
            one = any_event(rng)
            two = replace(one, **{part: other(rng, names, getattr(one, part))})
            pictures = tuple(
                Drawn(event, ("test", "svo", subtask, place, side))
                for side, event in enumerate((one, two))
            )
            for side, event in enumerate((one, two)):
                swap = rng.random() < 0.5
                yield Item(
                    id=f"{subtask}-{place:03d}{'ab'[side]}",
                    images=pictures[::-1] if swap else pictures,
                    texts=(str(event),),
                    query=Query.IMAGE_RETRIEVAL,
                    gold=(1 - side if swap else side,),
                    subtask=subtask,
                    cluster=f"{subtask}-{place:03d}",
                )
