"""Caption forms: short sentences, few forms, each word a single token."""

from __future__ import annotations

from gdbench.mini.actors import Event
from gdbench.mini.scenes import (
    COUNTS,
    OPPOSITE,
    Animal,
    Content,
    Many,
    Member,
    Pair,
    Placed,
    Single,
)
from gdbench.mini.shapes import Thing

PLURALS = {"box": "boxes", "cross": "crosses"}


def a(thing: Thing | str) -> str:
    """Return the thing with its indefinite article."""
    words = str(thing)
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def conjunction(first: Thing, second: Thing) -> str:
    """Return a sentence that names both and says nothing of where they are."""
    return f"{a(first)} and {a(second)}"


def relation(pair: Pair) -> str:
    """Return the sentence that says where the first thing is."""
    return f"{a(pair.first)} {pair.relation} {a(pair.second)}"


def mirrored(pair: Pair) -> str:
    """Return the other true sentence about the same pair."""
    return relation(Pair(pair.second, pair.first, OPPOSITE[pair.relation]))


_ENDS = {"left of": ("left", "right"), "above": ("top", "bottom")}


def places(pair: Pair) -> str:
    """Return a sentence that names the place of each thing before the thing itself."""
    one, two = pair.first, pair.second
    if pair.relation not in _ENDS:
        one, two = two, one
    first, second = _ENDS.get(pair.relation) or _ENDS[OPPOSITE[pair.relation]]
    return f"{first} {a(one)} and {second} {a(two)}"


def captions(content: Content) -> list[str]:  # noqa: PLR0911 - one return per sort of scene
    """Return the true captions of `content`, the most telling first; none for a bias group."""
    match content:
        case Single(thing):
            return [a(thing)]
        case Pair(first, second):
            return [
                relation(content),
                mirrored(content),
                conjunction(first, second),
                conjunction(second, first),
            ]
        case Many(thing, count):
            name = str(thing) if count == 1 else plural(thing)
            return [f"{COUNTS[count - 1]} {name}"]
        case Placed(thing, row, column):
            return [f"{a(thing)} {row} {column}"]
        case Animal(kind):
            return [f"a photo of a {kind}"]
        case Event():
            return [str(content)]
        case Member():
            return []


def plural(thing: Thing) -> str:
    """Return the thing's words in the plural."""
    return str(thing)[: -len(thing.shape)] + PLURALS.get(thing.shape, f"{thing.shape}s")
