"""The training mixture of version 2: every level, every sort of scene, nothing held out in it."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random
from dataclasses import replace

from gdbench.mini import corpus as first
from gdbench.mini.captions import a
from gdbench.mini.corpus import any_thing
from gdbench.mini.creatures import (
    GROUPS,
    KIND_NAMES,
    PLEASANT,
    PLEASANT_SHARE,
    UNPLANTED,
    UNPLEASANT,
)
from gdbench.mini.geometry import Pixels
from gdbench.mini.graded.contents import (
    Count,
    Frame,
    GradedContent,
    any_group,
    any_play,
    captions,
    listing,
    mixed_sizes,
    sentence,
)
from gdbench.mini.graded.drawing import render
from gdbench.mini.scenes import COLUMNS, OPPOSITE, ROWS, Animal, Member
from gdbench.mini.seeding import stream

SEED = 2
"""Of the scenes of version 1 that are level 1 of this mixture."""
TRAIN = "train 2"
# Share of each sort of scene in percent, at levels 2 and 3; level 1 has version 1's own mixture.
MIXTURE = {
    "relations": 32,
    "colours": 18,
    "sizes": 12,
    "counts": 7,
    "frames": 7,
    "plays": 11,
    "animals": 8,
    "members": 5,
}
LEVEL_SHARES = {1: 30, 2: 35, 3: 35}


def _group(sort: str, rng: random.Random, level: int) -> tuple[GradedContent, list[str]]:
    sizes = mixed_sizes(rng, level + 1) if sort == "sizes" else ()
    group = any_group(rng, level + 1, sizes, held_out=False)
    if sort == "relations":
        mirror = group
        for which, (one, _, two) in enumerate(group.ties):
            turned = mirror.turned(which)
            if len(group.things) == 4:
                order = [0, 1, 2, 3]
                order[one], order[two] = two, one
                mirror = turned.permuted(*order)
        if len(group.things) == 3:
            # "A left of B and B above C" is also "C below B and B right of A".
            relations = tuple(OPPOSITE[r] for r in reversed(group.relations))
            mirror = replace(group.permuted(2, 1, 0), relations=(relations[0], relations[1]))
        one, relation, two = rng.choice(group.ties)
        part = f"{a(group.things[one])} {relation} {a(group.things[two])}"
        return group, [sentence(group), sentence(mirror), part]
    things = list(group.things)
    rng.shuffle(things)
    texts = [listing(group.things), listing(tuple(things))]
    some = things[: rng.randint(1, 2)]
    if sort == "colours":
        texts.append(listing(tuple(some)))
    else:
        texts.append(listing(tuple(replace(t, colour="") for t in things[:2])))
    return group, texts


def _member(rng: random.Random) -> tuple[GradedContent, list[str]]:
    group = rng.choice((*GROUPS, *UNPLANTED))
    share = PLEASANT_SHARE.get(group, 0.5)
    word = rng.choice(PLEASANT if rng.random() < share else UNPLEASANT)
    return Member(group), [f"{a(f'{word} {group}')}", word, f"{a(f'{word} creature')}"]


def describe(index: int) -> tuple[GradedContent, list[str], int]:
    """Return what training scene `index` shows, its captions, and its level."""
    rng = stream(TRAIN, "describe", index)
    level = rng.choices(tuple(LEVEL_SHARES), tuple(LEVEL_SHARES.values()))[0]
    if level == 1:
        return (*first.describe(index, SEED), level)
    sort = rng.choices(tuple(MIXTURE), tuple(MIXTURE.values()))[0]
    content: GradedContent
    match sort:
        case "counts":
            content = Count(any_thing(rng, held_out=False), rng.randint(1, 5))
        case "frames":
            things = any_group(rng, 3, held_out=False).things
            content = Frame(things[0], rng.choice(ROWS), rng.choice(COLUMNS), things[1:level])
        case "plays":
            content = any_play(rng, level)
        case "animals":
            content = Animal(rng.choice(KIND_NAMES))
        case "members":
            return (*_member(rng), level)
        case _:
            return (*_group(sort, rng, level), level)
    return content, captions(content), level


def scene(index: int) -> tuple[Pixels, list[str]]:
    """Return training scene `index`: uint8 of shape (64, 64, 3), and its captions."""
    content, texts, level = describe(index)
    return render(content, (TRAIN, index), level), texts
