"""Generated held-out items, as many as wanted: for training reports and speed measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from gdbench.mini import contrasts
from gdbench.mini.creatures import KIND_NAMES
from gdbench.mini.questions import image_retrieval, pet_questions, text_questions, text_retrieval
from gdbench.mini.scenes import Key
from gdbench.protocol import Item

_TWO_WAY: dict[str, contrasts.Maker] = {
    "colour": contrasts.colour,
    "shape": contrasts.shape,
    "binding": contrasts.binding,
    "size_binding": contrasts.size_binding,
    "relation": contrasts.order,
    "spatial": contrasts.spatial,
}
_TEN_WAY: dict[str, Callable[[int, Key], Iterator[Item]]] = {
    "image_retrieval": image_retrieval,
    "text_retrieval": text_retrieval,
}
HELD_OUT_KINDS = (*_TWO_WAY, *_TEN_WAY, "pets")


def heldout(kind: str, n: int, seed: int = 0) -> Iterator[Item]:
    """Yield `n` held-out items of a kind (one of `HELD_OUT_KINDS`), none of them in the tasks.

    Two-way kinds come in pairs that share their texts, so take an even `n`.
    """
    root: Key = ("heldout", seed, kind)
    if kind in _TWO_WAY:
        items = text_questions(_TWO_WAY[kind], kind, n + n % 2, root)
    elif kind in _TEN_WAY:
        items = _TEN_WAY[kind](max(n, 40), root)
    elif kind == "pets":
        items = pet_questions(-(-n // len(KIND_NAMES)), root)
    else:
        msg = f"no held-out kind {kind!r}; there are: {', '.join(HELD_OUT_KINDS)}"
        raise ValueError(msg)
    return islice(items, n)
