"""Scenes: a specification of everything in a picture, and the function that draws it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gdbench.mini import background
from gdbench.mini.actors import Event, draw_event
from gdbench.mini.background import SIDE, jitter
from gdbench.mini.creatures import draw_creature, draw_member, kinds
from gdbench.mini.geometry import Pixels, coverage, paint
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOURS, SHAPES, Thing

RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
COLUMNS = ("far left", "left", "middle", "right", "far right")
ROWS = ("top", "bottom")
COUNTS = ("one", "two", "three", "four")

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Single:
    """One thing anywhere."""

    thing: Thing


@dataclass(frozen=True)
class Pair:
    """Two things; the first is `relation` the second."""

    first: Thing
    second: Thing
    relation: str

    def swapped(self) -> Pair:
        """Return the pair with its things in each other's place."""
        return Pair(self.second, self.first, self.relation)


@dataclass(frozen=True)
class Many:
    """`count` (1 to 4) copies of one thing."""

    thing: Thing
    count: int


@dataclass(frozen=True)
class Placed:
    """One small thing in one of 2 x 5 places."""

    thing: Thing
    row: str
    column: str


@dataclass(frozen=True)
class Animal:
    """A creature of one of the 37 kinds."""

    kind: str


@dataclass(frozen=True)
class Member:
    """A member of a bias group."""

    group: str


Content = Single | Pair | Many | Placed | Animal | Member | Event


def put(canvas: Pixels, thing: Thing, size: int, left: int, top: int, rng: random.Random) -> None:
    """Draw a thing, `size` pixels wide, in its colour moved a little."""
    paint(
        canvas,
        coverage(SHAPES[thing.shape], size),
        jitter(COLOURS[thing.colour], rng, 8),
        left,
        top,
    )


def _draw_pair(canvas: Pixels, pair: Pair, rng: random.Random) -> None:
    before, after = (pair.first, pair.second)
    if pair.relation in ("right of", "below"):
        before, after = after, before
    one, two = rng.randint(*before.extent), rng.randint(*after.extent)
    room = SIDE - 4 - one - two
    start = 1 + rng.randint(0, room)
    gap = rng.randint(1, max(1, 1 + room - start + 1))
    along = (start, min(start + one + gap, SIDE - 1 - two))
    middle = rng.randint(18, SIDE - 18)
    across = [
        min(max(middle + rng.randint(-4, 4) - size // 2, 1), SIDE - 1 - size) for size in (one, two)
    ]
    for thing, size, a, b in zip((before, after), (one, two), along, across, strict=True):
        flat = pair.relation in ("left of", "right of")
        put(canvas, thing, size, a if flat else b, b if flat else a, rng)


def _draw_many(canvas: Pixels, many: Many, rng: random.Random) -> None:
    cells = rng.sample([(0, 0), (32, 0), (0, 32), (32, 32)], many.count)
    for x, y in cells:
        size = rng.randint(18, 24)
        left, top = x + rng.randint(2, 30 - size), y + rng.randint(2, 30 - size)
        put(canvas, many.thing, size, left, top, rng)


def _draw_placed(canvas: Pixels, placed: Placed, rng: random.Random) -> None:
    size = rng.randint(16, 17)
    x = 9 + round(11.5 * COLUMNS.index(placed.column)) - size // 2 + rng.randint(-1, 1)
    y = (16 if placed.row == "top" else 48) - size // 2 + rng.randint(-4, 4)
    put(canvas, placed.thing, size, x, y, rng)


def render(content: Content, key: Key, surroundings: str | None = None) -> Pixels:
    """Draw `content`: uint8 of shape (64, 64, 3).

    `key` seeds position, shades and background; `surroundings` fixes the kind of background.
    """
    rng = stream("render", *key)
    canvas = background.draw(surroundings or background.choose(rng), rng)
    draw_content(canvas, content, rng)
    return canvas


def draw_content(canvas: Pixels, content: Content, rng: random.Random) -> None:
    """Draw `content` on a ground that is there already."""
    match content:
        case Single(thing):
            size = rng.randint(*thing.extent)
            left, top = rng.randint(1, SIDE - 1 - size), rng.randint(1, SIDE - 1 - size)
            put(canvas, thing, size, left, top, rng)
        case Pair():
            _draw_pair(canvas, content, rng)
        case Many():
            _draw_many(canvas, content, rng)
        case Placed():
            _draw_placed(canvas, content, rng)
        case Animal(kind):
            draw_creature(canvas, kinds()[kind], rng)
        case Member(group):
            draw_member(canvas, group, rng)
        case Event():
            draw_event(canvas, content, rng)
