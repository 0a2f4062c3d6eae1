"""ImageCoDe in miniature: ten near-identical pictures, one description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from gdbench.mini.background import BUSY, PLAIN
from gdbench.mini.captions import captions, relation
from gdbench.mini.contrasts import other
from gdbench.mini.corpus import any_pair, any_thing
from gdbench.mini.picture import Drawn
from gdbench.mini.scenes import COLUMNS, OPPOSITE, ROWS, Content, Key, Pair, Placed
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES
from gdbench.protocol import Item, Query


def static_set(key: Key) -> tuple[list[Content], str]:
    """Return a pair of things, nine scenes that differ in one respect, and the first's caption."""
    rng = stream(*key)
    pair = any_pair(rng)
    scenes: list[Content] = [pair, replace(pair, relation=OPPOSITE[pair.relation])]
    for part, feature, names in (
        ("first", "colour", COLOUR_NAMES),
        ("first", "shape", SHAPE_NAMES),
        ("second", "colour", COLOUR_NAMES),
        ("second", "shape", SHAPE_NAMES),
    ):
        taken = [getattr(thing, feature) for thing in (pair.first, pair.second)]
        for _ in range(2):
            value = other(rng, names, *taken)
            taken.append(value)
            changed = replace(getattr(pair, part), **{feature: value})
            things = {"first": pair.first, "second": pair.second, part: changed}
            scenes.append(Pair(things["first"], things["second"], pair.relation))
    return scenes, relation(pair)


def video_set(key: Key) -> tuple[list[Content], list[str]]:
    """Return ten frames of a thing on its way through ten places, and their captions."""
    thing = any_thing(stream(*key), "small")
    thing = replace(thing, size="")
    frames: list[Content] = [Placed(thing, row, column) for row, column in product(ROWS, COLUMNS)]
    return frames, [captions(frame)[0] for frame in frames]


def _item(subtask: str, place: int, scenes: list[Content], text: str, gold: int, key: Key) -> Item:
    kind = PLAIN if place % 2 else BUSY[place // 2 % len(BUSY)]
    return Item(
        id=f"{subtask}-{place:03d}",
        images=tuple(Drawn(scene, key, kind) for scene in scenes),
        texts=(text,),
        query=Query.IMAGE_RETRIEVAL,
        gold=(gold,),
        subtask=subtask,
    )


def imagecode() -> Iterator[Item]:
    """Yield 100 static and 100 video items."""
    for place in range(100):
        key: Key = ("test", "imagecode", "static", place)
        scenes, text = static_set(key)
        gold = place % len(scenes)
        scenes[0], scenes[gold] = scenes[gold], scenes[0]
        yield _item("static", place, scenes, text, gold, key)
    for place in range(100):
        key = ("test", "imagecode", "video", place)
        frames, texts = video_set(key)
        gold = place % len(frames)
        yield _item("video", place, frames, texts[gold], gold, key)
