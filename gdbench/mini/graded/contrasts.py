"""Pairs of scenes of one level that differ in one respect, with the sentence true of each alone."""
# ruff: noqa: PLR2004 - a level is clearest as its number

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdbench.mini import contrasts as first
from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS, Event
from gdbench.mini.captions import a
from gdbench.mini.corpus import any_event, any_pair, any_sizes
from gdbench.mini.graded.contents import (
    NEAR_COLOURS,
    NEAR_SHAPES,
    GradedContent,
    Group,
    any_group,
    any_play,
    listing,
    mixed_sizes,
    sentence,
)
from gdbench.mini.scenes import Pair
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES


@dataclass(frozen=True)
class Contrast:
    """Two scenes and two sentences; sentence i is true of scene i and false of the other."""

    scenes: tuple[GradedContent, GradedContent]
    texts: tuple[str, str]


Maker = Callable[[random.Random, int], Contrast]
_NEAR = {"colour": NEAR_COLOURS, "shape": NEAR_SHAPES}
_NAMES = {"colour": COLOUR_NAMES, "shape": SHAPE_NAMES}


def _easy(make: first.Maker, rng: random.Random) -> Contrast:
    made = make(rng)
    return Contrast(made.scenes, made.texts)


def _listed(one: Group, two: Group) -> Contrast:
    return Contrast((one, two), (listing(one.things), listing(two.things)))


def other_feature(rng: random.Random, group: Group, place: int, feature: str, level: int) -> str:
    """Return another colour or shape for a thing of `group`: any at level 2, a near one at 3.

    It is none that another thing of the group has.
    """
    taken = {getattr(thing, feature) for thing in group.things}
    own = getattr(group.things[place], feature)
    near = [name for name in _NEAR[feature][own] if name not in taken]
    rest = [name for name in _NAMES[feature] if name not in taken]
    return rng.choice(near if near and level == 3 else rest)


def _feature(feature: str, make: first.Maker) -> Maker:
    def made(rng: random.Random, level: int) -> Contrast:
        if level == 1:
            return _easy(make, rng)
        one = any_group(rng, level + 1)
        place = rng.randrange(level + 1)
        value = other_feature(rng, one, place, feature, level)
        return _listed(one, one.changed(place, **{feature: value}))

    return made


def exchange(rng: random.Random, count: int) -> tuple[int, ...]:
    """Return an order of `count` places in which two have changed places."""
    one, two = rng.sample(range(count), 2)
    order = list(range(count))
    order[one], order[two] = two, one
    return tuple(order)


def binding(rng: random.Random, level: int) -> Contrast:
    """Which thing has which colour: three go round at level 2, two of four change at level 3."""
    if level == 1:
        return _easy(first.binding, rng)
    one = any_group(rng, level + 1)
    order = rng.choice(((1, 2, 0), (2, 0, 1))) if level == 2 else exchange(rng, 4)
    return _listed(one, one.moved(order, "colour"))


def _sized(rng: random.Random, level: int) -> tuple[Group, tuple[int, ...]]:
    """Return a group of small and large things, and an order that exchanges one of each."""
    one = any_group(rng, level + 1, mixed_sizes(rng, level + 1))
    while True:
        order = exchange(rng, level + 1)
        if one.moved(order, "size") != one:
            return one, order


def size_binding(rng: random.Random, level: int) -> Contrast:
    """Which of the things are the large ones."""
    if level == 1:
        return _easy(first.size_binding, rng)
    one, order = _sized(rng, level)
    return _listed(one, one.moved(order, "size"))


def both(rng: random.Random, level: int) -> Contrast:
    """Two things exchange shape and size, and the colours stay."""
    if level == 1:
        pair = any_pair(rng, any_sizes(rng))
        turned = Pair(
            replace(pair.first, shape=pair.second.shape, size=pair.second.size),
            replace(pair.second, shape=pair.first.shape, size=pair.first.size),
            pair.relation,
        )
        texts = (listing((pair.first, pair.second)), listing((turned.first, turned.second)))
        return Contrast((pair, turned), texts)
    one, order = _sized(rng, level)
    return _listed(one, one.moved(order, "shape", "size"))


def order(rng: random.Random, level: int) -> Contrast:
    """Two things that a relation ties are in each other's place, and named so."""
    if level == 1:
        return _easy(first.order, rng)
    one = any_group(rng, level + 1)
    which = rng.choice(((1, 0, 2), (0, 2, 1)) if level == 2 else ((1, 0, 2, 3), (0, 1, 3, 2)))
    two = one.permuted(*which)
    return Contrast((one, two), (sentence(one), sentence(two)))


def spatial(rng: random.Random, level: int) -> Contrast:
    """One relation is the other way round, and the sentence has its opposite."""
    if level == 1:
        return _easy(first.spatial, rng)
    one = any_group(rng, level + 1)
    two = one.turned(rng.randrange(2))
    return Contrast((one, two), (sentence(one), sentence(two)))


def _named(rng: random.Random, level: int, *, by_colour: bool) -> Contrast:
    if level == 1:
        return _easy(first.shape_of_colour if by_colour else first.colour_of_shape, rng)
    one = any_group(rng, level + 1)
    chosen = exchange(rng, level + 1)
    two = one.moved(chosen, "colour")
    place = rng.choice([k for k, source in enumerate(chosen) if k != source])
    there = chosen[place] if by_colour else place
    return Contrast((one, two), (a(one.things[place]), a(two.things[there])))


def shape_of_colour(rng: random.Random, level: int) -> Contrast:
    """The sentence names one of the things: which shape has this colour?"""
    return _named(rng, level, by_colour=True)


def colour_of_shape(rng: random.Random, level: int) -> Contrast:
    """The sentence names one of the things: which colour has this shape?"""
    return _named(rng, level, by_colour=False)


colour = _feature("colour", first.colour)
shape = _feature("shape", first.shape)

_PARTS = {
    "verb": ("verb", VERBS),
    "subj": ("subject", tuple(SUBJECTS)),
    "obj": ("object", tuple(OBJECTS)),
}


def event(rng: random.Random, level: int, subtask: str) -> Contrast:
    """One word of an event, or of one of two events, is another: subj, verb or obj."""
    part, names = _PARTS[subtask]
    if level == 1:
        one = any_event(rng)
        two = _replaced(rng, one, part, names, ())
        return Contrast((one, two), (str(one), str(two)))
    play = any_play(rng, level)
    place = rng.randrange(len(play.events))
    taken = (play.bystander, *(getattr(e, part) for e in play.events if part != "verb"))
    events = list(play.events)
    events[place] = _replaced(rng, events[place], part, names, taken)
    other = replace(play, events=tuple(events))
    texts = tuple(" and ".join(map(str, p.events)) for p in (play, other))
    return Contrast((play, other), (texts[0], texts[1]))


def _replaced(
    rng: random.Random, one: Event, part: str, names: tuple[str, ...], taken: tuple[str, ...]
) -> Event:
    value = first.other(rng, names, getattr(one, part), *taken)
    return replace(one, **{part: value})
