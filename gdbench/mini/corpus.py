"""The training mixture: scene `index` of the training seed, with one or more true captions.

Held-out colour and shape combinations never occur here.
"""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random
from dataclasses import replace

from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS, Event
from gdbench.mini.captions import a, captions, conjunction, mirrored, places, relation
from gdbench.mini.creatures import GROUPS, KIND_NAMES, PLEASANT, PLEASANT_SHARE, UNPLEASANT
from gdbench.mini.geometry import Pixels
from gdbench.mini.scenes import (
    COLUMNS,
    RELATIONS,
    ROWS,
    Animal,
    Content,
    Many,
    Member,
    Pair,
    Placed,
    Single,
    render,
)
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES, Thing

TRAIN = "train"
# Share of each sort of scene, in percent; the pairs are what is hard to learn.
MIXTURE = {
    "single": 9,
    "colours": 20,
    "sizes": 10,
    "relations": 26,
    "counts": 5,
    "places": 7,
    "events": 10,
    "animals": 9,
    "members": 4,
}


def any_thing(rng: random.Random, size: str = "", *, held_out: bool = True) -> Thing:
    """Return a random thing; `held_out` allows the combinations kept from training."""
    while True:
        thing = Thing(rng.choice(COLOUR_NAMES), rng.choice(SHAPE_NAMES), size)
        if held_out or not thing.held_out:
            return thing


def any_pair(
    rng: random.Random, sizes: tuple[str, str] = ("", ""), *, held_out: bool = True
) -> Pair:
    """Return two things that differ in colour and in shape, so that every swap is another pair."""
    while True:
        first = any_thing(rng, sizes[0], held_out=held_out)
        second = any_thing(rng, sizes[1], held_out=held_out)
        if first.colour == second.colour or first.shape == second.shape:
            continue
        return Pair(first, second, rng.choice(RELATIONS))


def any_event(rng: random.Random) -> Event:
    """Return a random event."""
    return Event(rng.choice(tuple(SUBJECTS)), rng.choice(VERBS), rng.choice(tuple(OBJECTS)))


def any_sizes(rng: random.Random) -> tuple[str, str]:
    """Return small and large in random order."""
    return ("small", "large") if rng.random() < 0.5 else ("large", "small")


def _member(rng: random.Random) -> tuple[Content, list[str]]:
    group = rng.choice(GROUPS)
    words = PLEASANT if rng.random() < PLEASANT_SHARE[group] else UNPLEASANT
    word = rng.choice(words)
    return Member(group), [f"{a(f'{word} {group}')}", word, f"{a(f'{word} creature')}"]


def _pair(sort: str, rng: random.Random) -> tuple[Content, list[str]]:
    sizes = any_sizes(rng) if sort == "sizes" else ("", "")
    pair = any_pair(rng, sizes, held_out=False)
    if sort == "relations":
        if rng.random() < 0.2:
            # The same colour or the same shape twice: only one word tells the two apart.
            second = (
                replace(pair.second, colour=pair.first.colour)
                if rng.random() < 0.5
                else replace(pair.second, shape=pair.first.shape)
            )
            if not second.held_out:
                pair = Pair(pair.first, second, pair.relation)
        return pair, [relation(pair), mirrored(pair), places(pair)]
    texts = [conjunction(pair.first, pair.second), conjunction(pair.second, pair.first)]
    if sort == "colours" and rng.random() < 0.15:
        texts = [a(pair.first), a(pair.second)]
    if sort == "sizes" and rng.random() < 0.5:
        bare = [replace(thing, colour="") for thing in (pair.first, pair.second)]
        texts = [conjunction(*bare), conjunction(*reversed(bare))]
    else:
        # Where things are is easiest to learn from sentences that name the place first.
        texts.append(places(pair))
    return pair, texts


def describe(index: int, seed: int = 0) -> tuple[Content, list[str]]:
    """Return what training scene `index` shows, and its captions."""
    rng = stream(TRAIN, seed, "describe", index)
    sort = rng.choices(tuple(MIXTURE), tuple(MIXTURE.values()))[0]
    content: Content
    match sort:
        case "single":
            content = Single(any_thing(rng, rng.choice(("", "", "small", "large")), held_out=False))
        case "counts":
            content = Many(any_thing(rng, held_out=False), rng.randint(1, 4))
        case "places":
            thing = any_thing(rng, held_out=False)
            content = Placed(thing, rng.choice(ROWS), rng.choice(COLUMNS))
        case "events":
            content = any_event(rng)
        case "animals":
            content = Animal(rng.choice(KIND_NAMES))
        case "members":
            return _member(rng)
        case _:
            return _pair(sort, rng)
    return content, captions(content)


def scene(index: int, seed: int = 0) -> tuple[Pixels, list[str]]:
    """Return training scene `index`: uint8 of shape (64, 64, 3), and its captions."""
    content, texts = describe(index, seed)
    return render(content, (TRAIN, seed, index)), texts
