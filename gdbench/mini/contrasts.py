"""Pairs of scenes that differ in one respect, each with the sentence that is true of it alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdbench.mini.captions import a, conjunction, relation
from gdbench.mini.corpus import any_pair, any_sizes, any_thing
from gdbench.mini.scenes import OPPOSITE, Content, Pair, Single
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES


@dataclass(frozen=True)
class Contrast:
    """Two scenes and two sentences; sentence i is true of scene i and false of the other."""

    scenes: tuple[Content, Content]
    texts: tuple[str, str]


def other(rng: random.Random, names: tuple[str, ...], *taken: str) -> str:
    """Return a name that is not taken."""
    return rng.choice([name for name in names if name not in taken])


def colour(rng: random.Random) -> Contrast:
    """One thing in two colours."""
    one = any_thing(rng)
    two = replace(one, colour=other(rng, COLOUR_NAMES, one.colour))
    return Contrast((Single(one), Single(two)), (a(one), a(two)))


def shape(rng: random.Random) -> Contrast:
    """Two shapes in one colour."""
    one = any_thing(rng)
    two = replace(one, shape=other(rng, SHAPE_NAMES, one.shape))
    return Contrast((Single(one), Single(two)), (a(one), a(two)))


def recoloured(pair: Pair) -> Pair:
    """Return the pair with each thing in the other's colour."""
    return Pair(
        replace(pair.first, colour=pair.second.colour),
        replace(pair.second, colour=pair.first.colour),
        pair.relation,
    )


def resized(pair: Pair) -> Pair:
    """Return the pair with each thing in the other's size."""
    return Pair(
        replace(pair.first, size=pair.second.size),
        replace(pair.second, size=pair.first.size),
        pair.relation,
    )


def binding(rng: random.Random) -> Contrast:
    """Which of two things has which colour."""
    one = any_pair(rng)
    two = recoloured(one)
    texts = (conjunction(one.first, one.second), conjunction(two.first, two.second))
    return Contrast((one, two), texts)


def size_binding(rng: random.Random) -> Contrast:
    """Which of two things is the large one."""
    one = any_pair(rng, any_sizes(rng))
    two = resized(one)
    texts = (conjunction(one.first, one.second), conjunction(two.first, two.second))
    return Contrast((one, two), texts)


def order(rng: random.Random) -> Contrast:
    """The same two things in each other's place: the sentence names them the other way round."""
    one = any_pair(rng)
    return Contrast((one, one.swapped()), (relation(one), relation(one.swapped())))


def spatial(rng: random.Random) -> Contrast:
    """The same two things the other way round: the sentence has the opposite relation."""
    one = any_pair(rng)
    two = replace(one, relation=OPPOSITE[one.relation])
    return Contrast((one, two), (relation(one), relation(two)))


def shape_of_colour(rng: random.Random) -> Contrast:
    """Two things, of which the sentence names one: which shape has this colour?"""
    one = any_pair(rng)
    two = recoloured(one)
    return Contrast((one, two), (a(one.first), a(two.second)))


def colour_of_shape(rng: random.Random) -> Contrast:
    """Two things, of which the sentence names one: which colour has this shape?"""
    one = any_pair(rng)
    two = recoloured(one)
    return Contrast((one, two), (a(one.first), a(two.first)))


Maker = Callable[[random.Random], Contrast]
