"""From contrasts and groups to items: both sides of every pair are asked, at every level."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from gdbench.metrics.measures import LEVEL
from gdbench.mini.corpus import any_pair, any_thing
from gdbench.mini.graded.contents import (
    NEAR_COLOURS,
    NEAR_SHAPES,
    Count,
    Frame,
    GradedContent,
    Group,
    any_group,
    captions,
    sentence,
)
from gdbench.mini.graded.contrasts import Maker, other_feature
from gdbench.mini.graded.picture import Graded
from gdbench.mini.questions import names, varied
from gdbench.mini.scenes import COLUMNS, OPPOSITE, ROWS, Content, Key, Pair, Placed
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES
from gdbench.protocol import Item, Query

LEVELS = (1, 2, 3)
EACH = 60
"""Items of each sub-task at each level."""
TEN = 10


def tag(level: int) -> str:
    """Return the tag by which an item says its level."""
    return f"{LEVEL}{level}"


def text_questions(maker: Maker, subtask: str, root: Key, each: int = EACH) -> Iterator[Item]:
    """Yield items of one image and two texts; two neighbours share their texts."""
    for level in LEVELS:
        for place in range(each // 2):
            key = (*root, subtask, level, place)
            rng = stream(*key)
            contrast = maker(rng, level)
            for side in (0, 1):
                swap = rng.random() < 0.5  # noqa: PLR2004
                yield Item(
                    id=f"{subtask}-{level}-{place:03d}{'ab'[side]}",
                    images=(Graded(contrast.scenes[side], key, level),),
                    texts=contrast.texts[::-1] if swap else contrast.texts,
                    query=Query.TEXT_RETRIEVAL,
                    gold=(1 - side if swap else side,),
                    subtask=subtask,
                    cluster=f"{subtask}-{level}-{place:03d}",
                    tags=(tag(level),),
                )


def image_questions(maker: Maker, subtask: str, root: Key, each: int = EACH) -> Iterator[Item]:
    """Yield items of one text and two images; both sentences of a pair of images are asked."""
    for level in LEVELS:
        for place in range(each // 2):
            key = (*root, subtask, level, place)
            rng = stream(*key)
            contrast = maker(rng, level)
            pictures = tuple(
                Graded(scene, (*key, side), level) for side, scene in enumerate(contrast.scenes)
            )
            for side in (0, 1):
                swap = rng.random() < 0.5  # noqa: PLR2004
                yield Item(
                    id=f"{subtask}-{level}-{place:03d}{'ab'[side]}",
                    images=pictures[::-1] if swap else pictures,
                    texts=(contrast.texts[side],),
                    query=Query.IMAGE_RETRIEVAL,
                    gold=(1 - side if swap else side,),
                    subtask=subtask,
                    cluster=f"{subtask}-{level}-{place:03d}",
                    tags=(tag(level),),
                )


def _mixed(rng: random.Random) -> list[GradedContent]:
    """Ten scenes of any sort of version 1, none of which has a sentence true of another."""
    found: list[Content] = []
    while len(found) < TEN:
        one = varied(rng)
        shown = names(one)
        if not any(shown <= (had := names(two)) or had <= shown for two in found):
            found.append(one)
    return list(found)


def _counted(rng: random.Random, level: int) -> list[GradedContent]:
    """One to five of a thing, and of a thing that is near to it (level 3) or not (level 2)."""
    one = any_thing(rng)
    feature = rng.choice(("colour", "shape"))
    own = getattr(one, feature)
    near = (NEAR_COLOURS if feature == "colour" else NEAR_SHAPES)[own]
    every = [n for n in (COLOUR_NAMES if feature == "colour" else SHAPE_NAMES) if n != own]
    two = replace(one, **{feature: rng.choice(near if level == LEVELS[-1] else every)})
    return [Count(thing, count) for thing in (one, two) for count in range(1, 6)]


def _alike(rng: random.Random, level: int) -> list[GradedContent]:
    """Groups that share one thing (level 2) or two (level 3); no two of the same things."""
    shared = any_group(rng, level + 1).things[: level - 1]
    found: list[GradedContent] = []
    seen: set[frozenset[str]] = set()
    while len(found) < TEN:
        rest = any_group(rng, level + 1)
        things = (*shared, *rest.things[len(shared) :])
        apart = all(len({getattr(t, f) for t in things}) == level + 1 for f in ("colour", "shape"))
        shown = frozenset(map(str, things))
        if apart and shown not in seen:
            seen.add(shown)
            order = rng.sample(range(level + 1), level + 1)
            found.append(Group(things, rest.relations).permuted(*order))
    return found


def ten(rng: random.Random, place: int, level: int) -> list[GradedContent]:
    """Ten scenes of a level, in random order; each caption is true of its own scene alone."""
    if level == LEVELS[0]:
        found = _mixed(rng)
    else:
        found = _counted(rng, level) if place % 3 == 0 else _alike(rng, level)
    rng.shuffle(found)
    return found


def retrieval(root: Key, each: int = EACH) -> Iterator[Item]:
    """Yield one of ten both ways: all items of image retrieval, then all of text retrieval.

    Both have the same groups.
    """
    groups = []
    for level in LEVELS:
        for place in range(each):
            key = (*root, "ten", level, place)
            rng = stream(*key)
            scenes = ten(rng, place, level)
            pictures = tuple(Graded(s, (*key, k), level) for k, s in enumerate(scenes))
            texts = tuple(rng.choice(captions(scene)) for scene in scenes)
            groups.append((level, place, pictures, texts, rng.randrange(TEN)))
    for query in (Query.IMAGE_RETRIEVAL, Query.TEXT_RETRIEVAL):
        of_images = query is Query.IMAGE_RETRIEVAL
        for level, place, pictures, texts, gold in groups:
            yield Item(
                id=f"{query.value}-{level}-{place:03d}",
                images=pictures if of_images else (pictures[gold],),
                texts=(texts[gold],) if of_images else texts,
                query=query,
                gold=(gold,),
                subtask=query.value,
                cluster=f"group-{level}-{place:03d}",
                tags=(tag(level),),
            )


def one_detail(rng: random.Random, level: int) -> tuple[list[GradedContent], list[str]]:
    """Return ten scenes, nine of which differ from one in one detail, and a sentence for each."""
    if level == LEVELS[0]:
        return _pairs(rng)
    base = any_group(rng, level + 1)
    found = [base, base.turned(0), base.turned(1)]
    while len(found) < TEN:
        place = rng.randrange(level + 1)
        feature = rng.choice(("colour", "shape"))
        changed = base.changed(place, **{feature: other_feature(rng, base, place, feature, level)})
        if changed not in found:
            found.append(changed)
    rng.shuffle(found)
    return list(found), [sentence(group) for group in found]


def _pairs(rng: random.Random) -> tuple[list[GradedContent], list[str]]:
    base = any_pair(rng)
    found = [base, replace(base, relation=OPPOSITE[base.relation])]
    taken = {"colour": COLOUR_NAMES, "shape": SHAPE_NAMES}
    while len(found) < TEN:
        part, feature = rng.choice(("first", "second")), rng.choice(("colour", "shape"))
        had = {getattr(thing, feature) for thing in (base.first, base.second)}
        value = rng.choice([name for name in taken[feature] if name not in had])
        thing = replace(getattr(base, part), **{feature: value})
        things = {"first": base.first, "second": base.second, part: thing}
        changed = Pair(things["first"], things["second"], base.relation)
        if changed not in found:
            found.append(changed)
    rng.shuffle(found)
    return list(found), [captions(pair)[0] for pair in found]


def frames(rng: random.Random, level: int) -> tuple[list[GradedContent], list[str]]:
    """Return ten frames of a thing on its way, beside level - 1 others, and their captions."""
    things = any_group(rng, 3).things
    found: list[GradedContent] = [
        Placed(things[0], row, column)
        if level == LEVELS[0]
        else Frame(things[0], row, column, things[1:level])
        for row in ROWS
        for column in COLUMNS
    ]
    return found, [captions(frame)[0] for frame in found]
