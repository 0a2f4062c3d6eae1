"""Flickr30K in miniature: one of ten, both ways."""

from __future__ import annotations

from collections.abc import Iterator

from gdbench.mini.questions import image_retrieval, text_retrieval
from gdbench.mini.scenes import Key
from gdbench.protocol import Item

ROOT: Key = ("test", "flickr30k")


def flickr30k() -> Iterator[Item]:
    """Yield 100 items of image retrieval and 100 of text retrieval, from the same 100 groups."""
    yield from image_retrieval(100, ROOT)
    yield from text_retrieval(100, ROOT)
