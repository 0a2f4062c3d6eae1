"""From contrasts to items: both scenes of every pair are asked, so that no bias can pay."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random
from collections.abc import Iterator

from gdbench.mini.actors import Event
from gdbench.mini.captions import captions
from gdbench.mini.contrasts import Maker
from gdbench.mini.corpus import any_event, any_pair, any_thing
from gdbench.mini.creatures import KIND_NAMES
from gdbench.mini.picture import Drawn
from gdbench.mini.scenes import Animal, Content, Key, Many, Pair, Single
from gdbench.mini.seeding import stream
from gdbench.protocol import Item, Query


def text_questions(maker: Maker, subtask: str, count: int, root: Key) -> Iterator[Item]:
    """Yield `count` items of one image and two texts; two neighbours share their texts."""
    for place in range(count // 2):
        key = (*root, subtask, place)
        rng = stream(*key)
        contrast = maker(rng)
        for side in (0, 1):
            swap = rng.random() < 0.5
            yield Item(
                id=f"{subtask}-{place:03d}{'ab'[side]}",
                images=(Drawn(contrast.scenes[side], key),),
                texts=contrast.texts[::-1] if swap else contrast.texts,
                query=Query.TEXT_RETRIEVAL,
                gold=(1 - side if swap else side,),
                subtask=subtask,
                cluster=f"{subtask}-{place:03d}",
            )


def names(content: Content) -> frozenset[str]:
    """Return what a scene shows, to tell whether one scene's sentence may fit another."""
    match content:
        case Single(thing) | Many(thing, _):
            return frozenset({f"{thing.colour} {thing.shape}"})
        case Pair(first, second):
            return frozenset(f"{thing.colour} {thing.shape}" for thing in (first, second))
        case Event():
            return frozenset({str(content)})
        case Animal(kind):
            return frozenset({kind})
        case _:
            return frozenset()


def varied(rng: random.Random) -> Content:
    """Return a scene of any captioned sort."""
    sort = rng.random()
    if sort < 0.2:
        return Single(any_thing(rng))
    if sort < 0.65:
        return any_pair(rng)
    if sort < 0.75:
        return Many(any_thing(rng), rng.randint(2, 4))
    return any_event(rng) if sort < 0.9 else Animal(rng.choice(KIND_NAMES))


def groups(count: int, root: Key, size: int = 10) -> Iterator[tuple[list[Drawn], list[str], int]]:
    """Yield `count` groups: `size` pictures, their captions, and which of them is asked for.

    Picture k of the pool is the one asked for in group k. No caption of a group is true of
    another picture of the group.
    """
    pool: list[tuple[Drawn, str]] = []
    for place in range(count):
        key = (*root, "pool", place)
        rng = stream(*key)
        content = varied(rng)
        said = captions(content)
        pool.append((Drawn(content, key), rng.choice(said)))
    for place in range(count):
        rng = stream(*root, "group", place)
        members = [pool[place]]
        for candidate in rng.sample(pool, len(pool)):
            shown = names(candidate[0].content)
            apart = all(
                not (shown <= (had := names(member[0].content)) or had <= shown)
                for member in members
            )
            if apart and len(members) < size:
                members.append(candidate)
        rng.shuffle(members)
        gold = members.index(pool[place])
        yield [picture for picture, _ in members], [text for _, text in members], gold


def image_retrieval(count: int, root: Key, subtask: str = "image_retrieval") -> Iterator[Item]:
    """Yield `count` items of one text and ten images."""
    for place, (pictures, texts, gold) in enumerate(groups(count, root)):
        yield Item(
            id=f"{subtask}-{place:03d}",
            images=tuple(pictures),
            texts=(texts[gold],),
            query=Query.IMAGE_RETRIEVAL,
            gold=(gold,),
            subtask=subtask,
            cluster=f"group-{place:03d}",
        )


def text_retrieval(count: int, root: Key, subtask: str = "text_retrieval") -> Iterator[Item]:
    """Yield `count` items of one image and ten texts, of the same groups as `image_retrieval`."""
    for place, (pictures, texts, gold) in enumerate(groups(count, root)):
        yield Item(
            id=f"{subtask}-{place:03d}",
            images=(pictures[gold],),
            texts=tuple(texts),
            query=Query.TEXT_RETRIEVAL,
            gold=(gold,),
            subtask=subtask,
            cluster=f"group-{place:03d}",
        )


def pet_questions(each: int, root: Key) -> Iterator[Item]:
    """Yield `each` items of every kind: one image, 37 texts."""
    texts = tuple(captions(Animal(kind))[0] for kind in KIND_NAMES)
    for place in range(each * len(KIND_NAMES)):
        gold = place % len(KIND_NAMES)
        yield Item(
            id=f"pets-{place:03d}",
            images=(Drawn(Animal(KIND_NAMES[gold]), (*root, "pets", place)),),
            texts=texts,
            query=Query.TEXT_RETRIEVAL,
            gold=(gold,),
            subtask="pets",
            tags=(KIND_NAMES[gold],),
        )
