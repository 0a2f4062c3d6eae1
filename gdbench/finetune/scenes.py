"""Training examples from the drawn scenes of the mini benchmark.

A hard negative comes from a twist: the same scene with two things or attributes swapped, or one
attribute changed, drawn from the same seed so that everything else stays in its place. Its text
is the original sentence's form filled in anew: false of the original picture by construction.
Combinations of colour and shape that training holds out appear in no positive and no negative.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdbench.finetune.examples import Example, Negative
from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS, Event
from gdbench.mini.captions import captions, conjunction, relation
from gdbench.mini.contrasts import other, recoloured, resized
from gdbench.mini.corpus import any_event, any_pair, any_sizes, any_thing
from gdbench.mini.creatures import KIND_NAMES
from gdbench.mini.graded.contents import Count, Frame, GradedContent, Group
from gdbench.mini.picture import Drawn
from gdbench.mini.scenes import (
    COLUMNS,
    COUNTS,
    OPPOSITE,
    ROWS,
    Animal,
    Content,
    Key,
    Many,
    Pair,
    Placed,
    Single,
)
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES, Thing
from gdbench.protocol import ImageRef

STREAM = "finetune"
Form = Callable[[GradedContent], str]


@dataclass(frozen=True)
class Described:
    """A scene, and how it is put into words."""

    content: GradedContent
    form: Form

    @property
    def text(self) -> str:
        """The sentence."""
        return self.form(self.content)

    def picture(self, key: Key) -> ImageRef:
        """The scene drawn; scenes that differ in one respect differ in that alone under a key."""
        if not isinstance(self.content, Content):
            raise TypeError(self.content)
        return Drawn(self.content, key)

    def twisted(self, rng: random.Random) -> Described:
        """A scene that differs in one respect, and of which the same sentence is not true."""
        return twist(self, rng)

    def hard_text(self, rng: random.Random) -> str:
        """A sentence that is nearly this one, and false."""
        return self.twisted(rng).text

    def unrelated_text(self, rng: random.Random) -> str:
        """The sentence of a random scene, false of this one."""
        return unrelated(self, rng).text


def things(content: GradedContent) -> tuple[Thing, ...]:
    """The coloured shapes in a scene."""
    match content:
        case Single(thing) | Many(thing, _) | Placed(thing, _, _) | Count(thing, _):
            return (thing,)
        case Pair(first, second):
            return (first, second)
        case Group(every):
            return every
        case Frame(thing, _, _, others):
            return (thing, *others)
        case _:
            return ()


def _both(content: GradedContent) -> str:
    if not isinstance(content, Pair):
        raise TypeError(content)
    return conjunction(content.first, content.second)


def _placed_apart(content: GradedContent) -> str:
    if not isinstance(content, Pair):
        raise TypeError(content)
    return relation(content)


def _plainly(content: GradedContent) -> str:
    if not isinstance(content, Content):
        raise TypeError(content)
    return captions(content)[0]


def _many(rng: random.Random) -> Described:
    thing = any_thing(rng, held_out=False)
    return Described(Many(thing, rng.randint(1, len(COUNTS))), _plainly)


def _place(rng: random.Random) -> Described:
    thing = any_thing(rng, held_out=False)
    return Described(Placed(thing, rng.choice(ROWS), rng.choice(COLUMNS)), _plainly)


_SORTS: tuple[tuple[int, Callable[[random.Random], Described]], ...] = (
    # shares in percent, as in the training of the mini models but for the groups of the bias
    # task, which are left alone
    (10, lambda rng: Described(Single(any_thing(rng, held_out=False)), _plainly)),
    (24, lambda rng: Described(any_pair(rng, held_out=False), _both)),
    (12, lambda rng: Described(any_pair(rng, any_sizes(rng), held_out=False), _both)),
    (28, lambda rng: Described(any_pair(rng, held_out=False), _placed_apart)),
    (6, _many),
    (8, _place),
    (6, lambda rng: Described(any_event(rng), _plainly)),
    (6, lambda rng: Described(Animal(rng.choice(KIND_NAMES)), _plainly)),
)


def describe(rng: random.Random) -> Described:
    """A random scene without held-out combinations."""
    (_, make), *_ = rng.choices(_SORTS, [share for share, _ in _SORTS])
    return make(rng)


def _changed(thing: Thing, rng: random.Random) -> Thing:
    """The thing in another colour or another shape."""
    if rng.random() < 0.5:  # noqa: PLR2004 # a fair coin
        return replace(thing, colour=other(rng, COLOUR_NAMES, thing.colour))
    return replace(thing, shape=other(rng, SHAPE_NAMES, thing.shape))


def _twist_pair(pair: Pair, rng: random.Random, *, ordered: bool) -> Pair:
    ways: list[Callable[[], Pair]] = [
        lambda: recoloured(pair),
        lambda: recoloured(pair),
        lambda: replace(pair, first=_changed(pair.first, rng)),
        lambda: replace(pair, second=_changed(pair.second, rng)),
    ]
    if pair.first.size:
        ways += [lambda: resized(pair)] * 2
    if ordered:
        ways += [pair.swapped, lambda: replace(pair, relation=OPPOSITE[pair.relation])]
    return rng.choice(ways)()


def _twist_event(event: Event, rng: random.Random) -> Event:
    return rng.choice(
        (
            replace(event, subject=other(rng, tuple(SUBJECTS), event.subject)),
            replace(event, verb=other(rng, VERBS, event.verb)),
            replace(event, object=other(rng, tuple(OBJECTS), event.object)),
        )
    )


def _twist_many(many: Many, rng: random.Random) -> Many:
    counts = [n for n in range(1, len(COUNTS) + 1) if n != many.count]
    return rng.choice(
        (replace(many, thing=_changed(many.thing, rng)), replace(many, count=rng.choice(counts)))
    )


def _twist_placed(placed: Placed, rng: random.Random) -> Placed:
    return rng.choice(
        (
            replace(placed, thing=_changed(placed.thing, rng)),
            replace(placed, row=other(rng, ROWS, placed.row)),
            replace(placed, column=other(rng, COLUMNS, placed.column)),
        )
    )


def _twist_once(scene: Described, rng: random.Random) -> Content:
    content = scene.content
    match content:
        case Single(thing):
            twisted: Content = Single(_changed(thing, rng))
        case Pair():
            twisted = _twist_pair(content, rng, ordered=scene.form is _placed_apart)
        case Many():
            twisted = _twist_many(content, rng)
        case Placed():
            twisted = _twist_placed(content, rng)
        case Animal(kind):
            twisted = Animal(other(rng, tuple(KIND_NAMES), kind))
        case Event():
            twisted = _twist_event(content, rng)
        case _:
            raise TypeError(content)
    return twisted


def twist(scene: Described, rng: random.Random) -> Described:
    """A scene that differs in one respect, and of which the same sentence is not true."""
    while True:
        content = _twist_once(scene, rng)
        if not any(thing.held_out for thing in things(content)):
            return Described(content, scene.form)


def unrelated(scene: Described, rng: random.Random) -> Described:
    """A random scene whose sentence is not true of the given one."""
    shown = {(thing.colour, thing.shape) for thing in things(scene.content)}
    while True:
        found = describe(rng)
        shared = shown & {(thing.colour, thing.shape) for thing in things(found.content)}
        if not shared and found.content != scene.content:
            return found


class SceneExamples:
    """`count` scenes of a seed; see the module's description."""

    stream = STREAM

    def __init__(self, count: int = 20_000, seed: int = 0) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    @property
    def fingerprint(self) -> str:
        """Hash over number, seed, and the first sentences and pictures."""
        digest = hashlib.sha256(f"{self.stream}/{self.count}/{self.seed}".encode())
        for index in range(min(self.count, 8)):
            scene = self.scene(index)
            digest.update(f"/{scene.text}/{scene.picture(self.key(index)).sha256}".encode())
        return digest.hexdigest()

    def key(self, index: int) -> Key:
        """What scene `index` and its picture are drawn from."""
        return (self.stream, self.seed, index)

    def scene(self, index: int) -> Described:
        """Scene `index`."""
        return describe(stream(*self.key(index)))

    def example(self, index: int, negative: Negative, rng: random.Random) -> Example:
        """See `TrainingData`."""
        scene, key = self.scene(index), self.key(index)
        image, text = scene.picture(key), scene.text
        match negative:
            case "random-text":
                return Example(image, text, image, scene.unrelated_text(rng))
            case "hard-text":
                return Example(image, text, image, scene.hard_text(rng))
            case "hard-image":
                return Example(image, text, scene.twisted(rng).picture(key), text)
            case _:
                return Example(image, text, image, text)
