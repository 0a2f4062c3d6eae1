"""Draw the scenes of version 2: a ground, and what there is to be seen on it."""
# ruff: noqa: PLR2004 - pixels are clearest where they are drawn

from __future__ import annotations

import random

from gdbench.mini.actors import OBJECTS, SUBJECTS, Event, stamp
from gdbench.mini.background import SIDE
from gdbench.mini.creatures import draw_creature, draw_member, kinds
from gdbench.mini.geometry import Colour, Pixels, Polygon, box, coverage, paint
from gdbench.mini.graded import grounds
from gdbench.mini.graded.contents import Count, Frame, GradedContent, Group, Play
from gdbench.mini.scenes import COLUMNS, Animal, Key, Member, draw_content, put
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import Thing

Cell = tuple[int, int]
_INK: Colour = (15, 15, 20)
# Widths in pixels of a thing by its size, of three things in cells of 21 and four in cells of 16.
_EXTENTS = {
    3: {"": (16, 20), "small": (11, 13), "large": (18, 20)},
    4: {"": (13, 16), "small": (10, 11), "large": (15, 16)},
}
_CREATURES = {1: (42, 50), 2: (32, 38), 3: (26, 32)}
_MEMBERS = {1: (36, 48), 2: (28, 36), 3: (22, 30)}
_FRAMES = {2: (13, 14), 3: (11, 12)}


def _fits(one: Cell, relation: str, two: Cell) -> bool:
    (x, y), (u, v) = one, two
    return {
        "left of": y == v and x < u,
        "right of": y == v and x > u,
        "above": x == u and y < v,
        "below": x == u and y > v,
    }[relation]


def cells(group: Group, rng: random.Random) -> list[Cell]:
    """Return a cell (column, row) for each thing, so that both relations hold in one line."""
    side = len(group.things)
    every = [(x, y) for x in range(side) for y in range(side)]
    while True:
        chosen = rng.sample(every, side)
        if all(_fits(chosen[one], relation, chosen[two]) for one, relation, two in group.ties):
            return chosen


def _in_cell(
    canvas: Pixels, thing: Thing, cell: Cell, width: int, size: int, rng: random.Random
) -> None:
    free = width - size
    left, top = (place * width + rng.randint(0, free) for place in cell)
    put(canvas, thing, size, left, top, rng)


def _draw_group(canvas: Pixels, group: Group, rng: random.Random) -> None:
    count = len(group.things)
    for thing, cell in zip(group.things, cells(group, rng), strict=True):
        size = rng.randint(*_EXTENTS[count][thing.size])
        _in_cell(canvas, thing, cell, SIDE // count, size, rng)


def _draw_count(canvas: Pixels, content: Count, level: int, rng: random.Random) -> None:
    side = max(level, 2) + 1
    every = [(x, y) for x in range(side) for y in range(side)]
    for cell in rng.sample(every, content.count):
        size = rng.randint(*_EXTENTS[side][""])
        _in_cell(canvas, content.thing, cell, SIDE // side, size, rng)


def _draw_frame(canvas: Pixels, frame: Frame, level: int, rng: random.Random) -> None:
    least, most = _FRAMES[level]
    columns = rng.sample(range(4), len(frame.others))
    for thing, column in zip(frame.others, columns, strict=True):
        left = 16 * column + rng.randint(0, 16 - most)
        put(canvas, thing, rng.randint(least, most), left, 32 - most // 2, rng)
    size = rng.randint(least, most)
    x = 8 + 12 * COLUMNS.index(frame.column) - size // 2 + rng.randint(-1, 1)
    y = (13 if frame.row == "top" else 51) - size // 2 + rng.randint(-3, 3)
    put(canvas, frame.thing, size, x, y, rng)


def _draw_event(
    canvas: Pixels, event: Event, size: int, cx: int, cy: int, rng: random.Random
) -> None:
    """Draw an event about (cx, cy), both parties `size` pixels wide, as version 1 draws it."""
    side, half = rng.choice((-1, 1)), size // 2
    gap = max(2, size // 4)
    x, y, u, v = {
        "sits on": (0, -half, 0, half),
        "touches": (-side * half, 0, side * half, 0),
        "points at": (-side * (half + gap), 0, side * (half + gap), 0),
        "jumps over": (0, -half - gap, 0, half + gap - 1),
        "holds": (0, half - 1, 0, 1 - half),
        "hides behind": (-side * size // 4, -size // 5, side * size // 5, size // 5),
    }[event.verb]
    left, top = cx - half, cy - half
    if event.verb == "jumps over":
        for step in (-1, 0, 1):
            mark = coverage(box(-250, -1000, 250, 1000), max(4, gap + 1))
            paint(canvas, mark, _INK, cx - gap // 2 + step * size // 4, top + size - gap // 2)
    if event.verb == "points at":
        inner = min(x, u) + left + size
        length = max(x, u) + left - inner
        arm = Polygon(((-1000 * side, -300), (1000 * side, 0), (-1000 * side, 300)))
        paint(canvas, coverage(arm, length + 4), _INK, inner - 2, cy - length // 2 - 2)
    if event.verb == "holds":
        for edge in (left - 2, left + size):
            bar = coverage(box(-300, -1000, 300, 1000), size)
            paint(canvas, bar, _INK, edge - half + 1, cy - half)
    stamp(canvas, SUBJECTS[event.subject], size, left + x, top + y, 8, rng)
    stamp(canvas, OBJECTS[event.object], size, left + u, top + v, 8, rng)


def _draw_play(canvas: Pixels, play: Play, rng: random.Random) -> None:
    if play.bystander:
        near = rng.random() < 0.5
        x = 22 if near else 42
        _draw_event(canvas, play.events[0], rng.randint(14, 16), x, rng.randint(24, 40), rng)
        left = rng.randint(48, 50) if near else rng.randint(0, 2)
        stamp(canvas, OBJECTS[play.bystander], 13, left, rng.choice((2, 48)), 8, rng)
        return
    order = list(play.events)
    rng.shuffle(order)
    for event, x in zip(order, (16, 48), strict=True):
        _draw_event(canvas, event, rng.randint(11, 12), x, rng.randint(22, 42), rng)


def render(content: GradedContent, key: Key, level: int) -> Pixels:
    """Draw `content` at `level` (1 to 3): uint8 of shape (64, 64, 3).

    `key` seeds ground, places and shades.
    """
    rng = stream("graded", *key)
    canvas = grounds.draw(level, rng)
    match content:
        case Group():
            _draw_group(canvas, content, rng)
        case Count():
            _draw_count(canvas, content, level, rng)
        case Frame():
            _draw_frame(canvas, content, level, rng)
        case Play():
            _draw_play(canvas, content, rng)
        case Animal(kind):
            draw_creature(canvas, kinds()[kind], rng, _CREATURES[level])
        case Member(group):
            draw_member(canvas, group, rng, _MEMBERS[level])
        case _:
            draw_content(canvas, content, rng)
    return canvas
