"""What the scenes of levels 2 and 3 show, and the sentences that are true of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from gdbench.mini import captions as first
from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS, Event
from gdbench.mini.captions import a, plural
from gdbench.mini.scenes import OPPOSITE, RELATIONS
from gdbench.mini.scenes import Content as FirstContent
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES, Thing

COUNTS = ("one", "two", "three", "four", "five")
# The two names that are nearest to each: what level 3 takes for a distractor.
NEAR_COLOURS = {
    "red": ("orange", "purple"),
    "orange": ("red", "yellow"),
    "yellow": ("orange", "white"),
    "green": ("blue", "yellow"),
    "blue": ("purple", "green"),
    "purple": ("blue", "red"),
    "white": ("yellow", "orange"),
    "black": ("blue", "purple"),
}
NEAR_SHAPES = {
    "circle": ("ring", "heart"),
    "square": ("cross", "circle"),
    "triangle": ("heart", "star"),
    "star": ("cross", "triangle"),
    "cross": ("star", "square"),
    "ring": ("circle", "moon"),
    "heart": ("triangle", "circle"),
    "moon": ("ring", "circle"),
}


@dataclass(frozen=True)
class Group:
    """Three or four things, no two of one colour or one shape, and two relations.

    The first is `relations[0]` the second. Of three, the second is `relations[1]` the third; of
    four, the third is `relations[1]` the fourth.
    """

    things: tuple[Thing, ...]
    relations: tuple[str, str]

    @property
    def ties(self) -> tuple[tuple[int, str, int], ...]:
        """Each relation with the places of its two things."""
        start = len(self.things) - 2
        return (0, self.relations[0], 1), (start, self.relations[1], start + 1)

    def permuted(self, *order: int) -> Group:
        """Return the group with thing `order[k]` in place k."""
        return replace(self, things=tuple(self.things[place] for place in order))

    def changed(self, place: int, **features: str) -> Group:
        """Return the group with other features of one thing."""
        things = list(self.things)
        things[place] = replace(things[place], **features)
        return replace(self, things=tuple(things))

    def moved(self, order: tuple[int, ...], *features: str) -> Group:
        """Return the group where thing k has the features that thing `order[k]` had."""
        return replace(
            self,
            things=tuple(
                replace(thing, **{f: getattr(self.things[order[k]], f) for f in features})
                for k, thing in enumerate(self.things)
            ),
        )

    def turned(self, which: int) -> Group:
        """Return the group with one relation the other way round."""
        relations = list(self.relations)
        relations[which] = OPPOSITE[relations[which]]
        return replace(self, relations=(relations[0], relations[1]))


@dataclass(frozen=True)
class Count:
    """`count` (1 to 5) copies of one thing."""

    thing: Thing
    count: int


@dataclass(frozen=True)
class Frame:
    """A thing in one of 2 x 5 places, others resting between the rows."""

    thing: Thing
    row: str
    column: str
    others: tuple[Thing, ...]


@dataclass(frozen=True)
class Play:
    """One event with a thing beside it, or two events side by side."""

    events: tuple[Event, ...]
    bystander: str = ""


GradedContent = FirstContent | Group | Count | Frame | Play


def listing(things: tuple[Thing, ...]) -> str:
    """Return a sentence that names all and says nothing of where they are."""
    return " and ".join(map(a, things))


def sentence(group: Group) -> str:
    """Return the sentence with both relations."""
    return " and ".join(
        f"{a(group.things[one])} {relation} {a(group.things[two])}"
        for one, relation, two in group.ties
    )


def captions(content: GradedContent) -> list[str]:
    """Return true captions of `content`, the most telling first; none for a bias group."""
    match content:
        case Group():
            return [sentence(content), listing(content.things)]
        case Count(thing, count):
            return [f"{COUNTS[count - 1]} {thing if count == 1 else plural(thing)}"]
        case Frame(thing, row, column):
            return [f"{a(thing)} {row} {column}"]
        case Play(events):
            return [" and ".join(map(str, events))]
        case _:
            return first.captions(content)


def any_group(
    rng: random.Random, count: int, sizes: tuple[str, ...] = (), *, held_out: bool = True
) -> Group:
    """Return `count` (3 or 4) random things; `held_out` allows what is kept from training."""
    while True:
        colours, shapes = rng.sample(COLOUR_NAMES, count), rng.sample(SHAPE_NAMES, count)
        given = sizes or ("",) * count
        things = tuple(Thing(c, s, z) for c, s, z in zip(colours, shapes, given, strict=True))
        if held_out or not any(thing.held_out for thing in things):
            return Group(things, (rng.choice(RELATIONS), rng.choice(RELATIONS)))


def mixed_sizes(rng: random.Random, count: int) -> tuple[str, ...]:
    """Return sizes in random order, at least one of them small and one large."""
    sizes = ["small", "large"] * 2 if count == 4 else ["small", "large", ""]  # noqa: PLR2004
    if count == 3:  # noqa: PLR2004
        sizes[2] = rng.choice(sizes[:2])
    rng.shuffle(sizes)
    return tuple(sizes)


def any_play(rng: random.Random, level: int) -> Play:
    """Return an event with a bystander (level 2), or two events of different parties (level 3)."""
    count = level - 1
    subjects = rng.sample(tuple(SUBJECTS), count)
    objects = rng.sample(tuple(OBJECTS), count + 1)
    events = tuple(
        Event(subject, rng.choice(VERBS), thing)
        for subject, thing in zip(subjects, objects[:count], strict=True)
    )
    return Play(events, objects[-1] if level == 2 else "")  # noqa: PLR2004
