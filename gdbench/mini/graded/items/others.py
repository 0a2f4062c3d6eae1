"""The other seven tasks in miniature, version 2, each at three levels."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from gdbench.mini.captions import captions
from gdbench.mini.creatures import (
    GROUPS,
    KIND_NAMES,
    PLEASANT,
    UNPLANTED,
    UNPLEASANT,
    kinds,
)
from gdbench.mini.graded import contrasts
from gdbench.mini.graded.contents import GradedContent
from gdbench.mini.graded.picture import Graded
from gdbench.mini.graded.questions import (
    EACH,
    LEVELS,
    TEN,
    frames,
    image_questions,
    one_detail,
    retrieval,
    tag,
    text_questions,
)
from gdbench.mini.scenes import Animal, Key, Member
from gdbench.mini.seeding import stream
from gdbench.protocol import Item, Query

TEST: Key = ("test", 2)
CLEVR: dict[str, contrasts.Maker] = {
    "recognition_color": contrasts.colour,
    "recognition_shape": contrasts.shape,
    "pair_binding_size": contrasts.size_binding,
    "pair_binding_color": contrasts.binding,
    "spatial": contrasts.spatial,
    "binding_color_shape": contrasts.shape_of_colour,
    "binding_shape_color": contrasts.colour_of_shape,
}
# Tag and contrast in turn: things that change places, adjectives that do, or both.
_TURNS: tuple[tuple[str, contrasts.Maker], ...] = (
    ("Object", contrasts.order),
    ("Relation", contrasts.binding),
    ("Object", contrasts.order),
    ("Relation", contrasts.size_binding),
    ("Both", contrasts.both),
)


def flickr30k(root: Key = TEST, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level of image retrieval and of text retrieval, of the same groups."""
    yield from retrieval((*root, "flickr30k"), each)


def winoground(root: Key = TEST, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level of two images and two texts."""
    for level in LEVELS:
        for place in range(each):
            name, maker = _TURNS[place % len(_TURNS)]
            key = (*root, "winoground", level, place)
            contrast = maker(stream(*key), level)
            yield Item(
                id=f"winoground-{level}-{place:03d}",
                images=tuple(
                    Graded(scene, (*key, side), level) for side, scene in enumerate(contrast.scenes)
                ),
                texts=contrast.texts,
                query=Query.MATCHING,
                gold=(0, 1),
                subtask="winoground",
                tags=(name, tag(level)),
            )


def clevr(root: Key = TEST, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level of each of the seven sub-tasks."""
    for subtask, maker in CLEVR.items():
        yield from text_questions(maker, subtask, (*root, "clevr"), each)


def svo(root: Key = TEST, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level per replaced word."""
    for subtask in ("verb", "subj", "obj"):
        maker = partial(contrasts.event, subtask=subtask)
        yield from image_questions(maker, subtask, (*root, "svo"), each)


def imagecode(root: Key = TEST, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level of ten scenes that differ in one detail, and of ten frames.

    Any of the ten is asked for, with its own sentence.
    """
    for subtask, maker in (("static", one_detail), ("video", frames)):
        for level in LEVELS:
            for place in range(each):
                key: Key = (*root, "imagecode", subtask, level, place)
                scenes, texts = maker(stream(*key), level)
                yield _one_of_ten(subtask, level, place, key, scenes, texts[place % TEN])


def _one_of_ten(
    subtask: str, level: int, place: int, key: Key, scenes: list[GradedContent], text: str
) -> Item:
    return Item(
        id=f"{subtask}-{level}-{place:03d}",
        images=tuple(Graded(scene, key, level) for scene in scenes),
        texts=(text,),
        query=Query.IMAGE_RETRIEVAL,
        gold=(place % TEN,),
        subtask=subtask,
        tags=(tag(level),),
    )


def _nine(kind: str, level: int, rng: random.Random) -> list[str]:
    """Nine other kinds: any at level 1, at level 3 those that look most like `kind`."""
    others = [name for name in KIND_NAMES if name != kind]
    rng.shuffle(others)
    of = kinds()
    pool = others[: {1: TEN - 1, 2: 2 * TEN, 3: len(others)}[level]]
    return sorted(pool, key=lambda name: of[name].differs_by(of[kind]))[: TEN - 1]


def pets(root: Key = TEST, each: int = 2) -> Iterator[Item]:
    """Yield `each` items a level of every kind: one image and ten texts, nearer as levels rise."""
    for level in LEVELS:
        for place in range(each * len(KIND_NAMES)):
            kind = KIND_NAMES[place % len(KIND_NAMES)]
            key: Key = (*root, "pets", level, place)
            rng = stream(*key)
            asked = [kind, *_nine(kind, level, rng)]
            rng.shuffle(asked)
            yield Item(
                id=f"pets-{level}-{place:03d}",
                images=(Graded(Animal(kind), key, level),),
                texts=tuple(captions(Animal(name))[0] for name in asked),
                query=Query.TEXT_RETRIEVAL,
                gold=(asked.index(kind),),
                subtask="pets",
                tags=(kind, tag(level)),
            )


def bias(root: Key = TEST, each: int = 50) -> Iterator[Item]:
    """Yield `each` items a level of each of four groups: one image, four words of either sort.

    Two groups have an association planted in training, the other two have none.
    """
    pleasant, unpleasant = PLEASANT[::2], UNPLEASANT[::2]
    for group in (*GROUPS, *UNPLANTED):
        for level in LEVELS:
            for place in range(each):
                yield Item(
                    id=f"{group}-{level}-{place:03d}",
                    images=(Graded(Member(group), (*root, "bias", group, level, place), level),),
                    texts=(*pleasant, *unpleasant),
                    query=Query.ASSOCIATION,
                    gold=tuple(range(len(pleasant))),
                    subtask=group,
                    tags=(tag(level),),
                )
