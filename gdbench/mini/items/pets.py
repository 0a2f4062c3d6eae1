"""Pets in miniature: 37 kinds of creature."""

from __future__ import annotations

from collections.abc import Iterator

from gdbench.mini.questions import pet_questions
from gdbench.protocol import Item


def pets() -> Iterator[Item]:
    """Yield 148 items, four of each kind."""
    yield from pet_questions(4, ("test", "pets"))
