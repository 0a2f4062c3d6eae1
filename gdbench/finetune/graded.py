"""Training examples from scenes of all three levels of the mini suite's version 2.

A hard negative differs in one respect, in the ways in which the suite's questions do: attributes
go round three things or two of four exchange them, a relation is the other way round, two things
are in each other's place, or one detail is another, a near one at level 3. Of sentences about
relations and events a quarter of the hard texts are the same words in another order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from gdbench.finetune import scenes as first
from gdbench.finetune.scenes import Described, SceneExamples, things
from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS, Event
from gdbench.mini.contrasts import other
from gdbench.mini.corpus import any_thing
from gdbench.mini.creatures import KIND_NAMES
from gdbench.mini.graded.contents import (
    COUNTS,
    NEAR_COLOURS,
    NEAR_SHAPES,
    Count,
    Frame,
    GradedContent,
    Group,
    Play,
    any_group,
    any_play,
    captions,
    listing,
    mixed_sizes,
)
from gdbench.mini.graded.contrasts import exchange, other_feature
from gdbench.mini.graded.corpus import LEVEL_SHARES, MIXTURE
from gdbench.mini.graded.items.aro import negatives as wrong_orders
from gdbench.mini.graded.picture import Graded
from gdbench.mini.scenes import COLUMNS, ROWS, Animal, Key, Pair
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, HELD_OUT, SHAPE_NAMES, Thing

STREAM = "finetune 2"
TRAIN_SEED, VALIDATION_SEED = 0, 1
_HARDEST = 3
_WRONG_ORDERS = 0.25
_COMBINATION = re.compile(rf"({'|'.join(COLOUR_NAMES)}) ({'|'.join(SHAPE_NAMES)})(?:s|es)?\b")
# The groups of the bias task are left alone.
_SHARES = {sort: share for sort, share in MIXTURE.items() if sort != "members"}


@dataclass(frozen=True)
class Levelled(Described):
    """A scene, how it is put into words, and its level."""

    level: int = 1

    def picture(self, key: Key) -> Graded:
        """The scene drawn at its level."""
        return Graded(self.content, key, self.level)

    def twisted(self, rng: random.Random) -> Levelled:
        """A scene of the level that differs in one respect."""
        return twist(self, rng)

    def hard_text(self, rng: random.Random) -> str:
        """The sentence of such a scene, or the same words in a wrong order."""
        if rng.random() < _WRONG_ORDERS and (text := wrong_order(self, rng)) is not None:
            return text
        return twist(self, rng).text

    def unrelated_text(self, rng: random.Random) -> str:
        """The sentence of a random scene, false of this one."""
        return unrelated(self, rng).text


def names_held_out(text: str) -> bool:
    """Whether a text names a colour and a shape that training keeps apart."""
    return any(pair in HELD_OUT for pair in _COMBINATION.findall(text))


def _listed(content: GradedContent) -> str:
    if not isinstance(content, Group):
        raise TypeError(content)
    return listing(content.things)


def _told(content: GradedContent) -> str:
    return captions(content)[0]


def _drawn(sort: str, rng: random.Random, level: int) -> tuple[GradedContent, first.Form]:
    match sort:
        case "counts":
            return Count(any_thing(rng, held_out=False), rng.randint(1, len(COUNTS))), _told
        case "frames":
            one, *others = any_group(rng, 3, held_out=False).things
            row, column = rng.choice(ROWS), rng.choice(COLUMNS)
            return Frame(one, row, column, tuple(others[: level - 1])), _told
        case "plays":
            return any_play(rng, level), _told
        case "animals":
            return Animal(rng.choice(KIND_NAMES)), _told
        case _:
            sizes = mixed_sizes(rng, level + 1) if sort == "sizes" else ()
            group = any_group(rng, level + 1, sizes, held_out=False)
            return group, _told if sort == "relations" else _listed


def describe(rng: random.Random) -> Levelled:
    """A random scene without held-out combinations; levels and sorts as in the training corpus."""
    (level,) = rng.choices(tuple(LEVEL_SHARES), tuple(LEVEL_SHARES.values()))
    if level == 1:
        easy = first.describe(rng)
        return Levelled(easy.content, easy.form, level)
    (sort,) = rng.choices(tuple(_SHARES), tuple(_SHARES.values()))
    return Levelled(*_drawn(sort, rng, level), level)


def _changed(thing: Thing, rng: random.Random, level: int, *taken: Thing) -> Thing:
    """The thing in another colour or shape that none of `taken` has: a near one at level 3."""
    feature = rng.choice(("colour", "shape"))
    near, every = (
        (NEAR_COLOURS, COLOUR_NAMES) if feature == "colour" else (NEAR_SHAPES, SHAPE_NAMES)
    )
    own = getattr(thing, feature)
    names = near[own] if level == _HARDEST else every
    used = [own, *(getattr(one, feature) for one in taken)]
    free = [name for name in names if name not in used] or [n for n in every if n not in used]
    return replace(thing, **{feature: rng.choice(free)})


def _twist_group(scene: Levelled, group: Group, rng: random.Random) -> Group:
    count = len(group.things)
    round_three = rng.choice(((1, 2, 0), (2, 0, 1)))
    order = exchange(rng, count)
    place, feature = rng.randrange(count), rng.choice(("colour", "shape"))
    detail = {feature: other_feature(rng, group, place, feature, scene.level)}
    ways: list[Callable[[], Group]] = [
        lambda: group.moved(order if scene.level == _HARDEST else round_three, "colour"),
        lambda: group.changed(place, **detail),
    ]
    if any(thing.size for thing in group.things):
        ways += [lambda: group.moved(order, "size"), lambda: group.moved(order, "shape", "size")]
    if scene.form is _told:
        one, _, two = rng.choice(group.ties)
        tied = list(range(count))
        tied[one], tied[two] = two, one
        ways += [lambda: group.permuted(*tied), lambda: group.turned(rng.randrange(2))]
    return rng.choice(ways)()


def _twist_event(event: Event, rng: random.Random, play: Play) -> Event:
    subjects = [one.subject for one in play.events]
    objects = [play.bystander, *(one.object for one in play.events)]
    return rng.choice(
        (
            replace(event, subject=other(rng, tuple(SUBJECTS), *subjects)),
            replace(event, verb=other(rng, VERBS, event.verb)),
            replace(event, object=other(rng, tuple(OBJECTS), *objects)),
        )
    )


def _twist_once(scene: Levelled, rng: random.Random) -> GradedContent:
    content = scene.content
    match content:
        case Group():
            return _twist_group(scene, content, rng)
        case Count(thing, count):
            counts = [n for n in range(1, len(COUNTS) + 1) if n != count]
            return rng.choice(
                (Count(_changed(thing, rng, scene.level), count), Count(thing, rng.choice(counts)))
            )
        case Frame(thing, row, column, others):
            return rng.choice(
                (
                    replace(content, thing=_changed(thing, rng, scene.level, *others)),
                    replace(content, row=other(rng, ROWS, row)),
                    replace(content, column=other(rng, COLUMNS, column)),
                )
            )
        case Play(events):
            place = rng.randrange(len(events))
            changed = list(events)
            changed[place] = _twist_event(events[place], rng, content)
            return replace(content, events=tuple(changed))
        case Animal(kind):
            return Animal(other(rng, tuple(KIND_NAMES), kind))
        case _:
            raise TypeError(content)


def twist(scene: Levelled, rng: random.Random) -> Levelled:
    """A scene of the level that differs in one respect; the same sentence is not true of it."""
    if scene.level == 1:
        easy = first.twist(scene, rng)
        return Levelled(easy.content, easy.form, scene.level)
    while True:
        content = _twist_once(scene, rng)
        if content != scene.content and not any(thing.held_out for thing in things(content)):
            return replace(scene, content=content)


def wrong_order(scene: Levelled, rng: random.Random) -> str | None:
    """The words of a sentence in a wrong order; None where it says nothing of an order."""
    ordered = isinstance(scene.content, Group | Play | Pair | Event)
    if not ordered or scene.text != _told(scene.content):
        return None
    while True:
        text = rng.choice(wrong_orders(scene.content, scene.text, rng))
        if not names_held_out(text):
            return text


def _events(content: GradedContent) -> set[Event]:
    return set(content.events) if isinstance(content, Play) else set()


def unrelated(scene: Levelled, rng: random.Random) -> Levelled:
    """A random scene whose sentence is not true of the given one."""
    shown = {(thing.colour, thing.shape) for thing in things(scene.content)}
    played = _events(scene.content) | {scene.content}
    while True:
        found = describe(rng)
        shared = shown & {(thing.colour, thing.shape) for thing in things(found.content)}
        if not shared and not played & (_events(found.content) | {found.content}):
            return found


class GradedExamples(SceneExamples):
    """`count` scenes of a seed, of all levels; see the module's description."""

    stream = STREAM

    def scene(self, index: int) -> Levelled:
        """Scene `index`."""
        return describe(stream(*self.key(index)))
