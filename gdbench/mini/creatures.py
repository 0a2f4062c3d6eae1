"""Procedural creatures: 37 fine-grained kinds for pets, and the two groups of the bias task."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from gdbench.mini.background import jitter
from gdbench.mini.geometry import (
    Colour,
    Ellipse,
    Form,
    Overlap,
    Pixels,
    Polygon,
    Union,
    box,
    coverage,
    paint,
)
from gdbench.mini.seeding import stream

HEADS: dict[str, Form] = {
    "round": Ellipse(0, 150, 720, 720),
    "blocky": box(-650, -450, 650, 800),
    "pointed": Polygon(((-800, -450), (800, -450), (0, 980))),
    "flat": Ellipse(0, 250, 960, 480),
}
EARS: dict[str, Form] = {
    "cat": Union(
        (
            Polygon(((-800, -980), (-200, -300), (-750, 0))),
            Polygon(((800, -980), (200, -300), (750, 0))),
        )
    ),
    "rabbit": Union((Ellipse(-330, -560, 160, 440), Ellipse(330, -560, 160, 440))),
    "bear": Union((Ellipse(-680, -480, 310, 310), Ellipse(680, -480, 310, 310))),
    "horn": Polygon(((-240, -250), (240, -250), (0, -1000))),
    "none": Ellipse(0, 0, 10, 10),
}
COATS: dict[str, Colour] = {
    "brown": (120, 70, 35),
    "ginger": (225, 120, 40),
    "cream": (245, 230, 190),
    "ash": (70, 75, 85),
    "teal": (20, 140, 140),
    "rose": (230, 110, 150),
}
MARKINGS: dict[str, Form | None] = {
    "plain": None,
    "striped": Union((box(-1000, -150, 1000, 20), box(-1000, 420, 1000, 590))),
    "split": box(0, -1000, 1000, 1000),
    "spotted": Union(
        (
            Ellipse(-400, -100, 170, 170),
            Ellipse(350, -180, 170, 170),
            Ellipse(-50, 560, 170, 170),
            Ellipse(450, 350, 150, 150),
            Ellipse(-480, 380, 150, 150),
        )
    ),
}
KIND_NAMES = [
    "bantik",
    "drolo",
    "fembu",
    "gorrin",
    "haskel",
    "ixabo",
    "jolpin",
    "kerwa",
    "lumtik",
    "morfo",
    "nabbit",
    "ostrel",
    "pimlo",
    "quorby",
    "rundle",
    "sorvik",
    "tamble",
    "ulgra",
    "vexin",
    "wottle",
    "yarbo",
    "zindle",
    "brasko",
    "clomby",
    "dweego",
    "eltrin",
    "flumpo",
    "grizbo",
    "hoblet",
    "inkari",
    "jasper",
    "kovak",
    "lintoo",
    "mazbur",
    "noodlo",
    "orbith",
    "pufkin",
]


@dataclass(frozen=True)
class Creature:
    """Keys into HEADS, EARS, COATS and MARKINGS."""

    head: str
    ears: str
    coat: str
    marking: str

    def differs_by(self, other: Creature) -> int:
        """Return in how many of the four features two creatures differ."""
        pairs = zip(
            (self.head, self.ears, self.coat, self.marking),
            (other.head, other.ears, other.coat, other.marking),
            strict=True,
        )
        return sum(mine != theirs for mine, theirs in pairs)


@lru_cache(maxsize=1)
def kinds() -> dict[str, Creature]:
    """Return the 37 kinds by name; any two differ in at least two features."""
    every = [
        Creature(head, ears, coat, marking)
        for head in HEADS
        for ears in EARS
        for coat in COATS
        for marking in MARKINGS
    ]
    stream("kinds").shuffle(every)
    chosen: list[Creature] = []
    for creature in every:
        if len(chosen) < len(KIND_NAMES) and all(creature.differs_by(c) >= 2 for c in chosen):
            chosen.append(creature)
    return dict(zip(KIND_NAMES, chosen, strict=True))


def draw_creature(
    canvas: Pixels, creature: Creature, rng: random.Random, extent: tuple[int, int] = (42, 50)
) -> None:
    """Draw a creature's head, as wide as `extent` says in pixels, somewhere on `canvas`."""
    size = rng.randint(*extent)
    left, top = rng.randint(1, 63 - size), rng.randint(1, 63 - size)
    coat = jitter(COATS[creature.coat], rng, 10)
    dark: Colour = (40, 30, 30) if sum(coat) > 330 else (240, 235, 225)
    head, marking = HEADS[creature.head], MARKINGS[creature.marking]
    paint(canvas, coverage(EARS[creature.ears], size), coat, left, top)
    paint(canvas, coverage(head, size), coat, left, top)
    if marking is not None:
        paint(canvas, coverage(Overlap(head, marking), size), dark, left, top)
    for x in (-260, 260):
        paint(canvas, coverage(Ellipse(x, 130, 130, 130), size), (255, 255, 255), left, top)
        paint(canvas, coverage(Ellipse(x, 130, 70, 70), size), (0, 0, 0), left, top)


# The bias task: two groups that look different in form and share the same range of colours.
GROUPS = ("dax", "wug")
PLEASANT = ("happy", "kind", "gentle", "lovely", "cheerful", "peaceful", "joyful", "sweet")
UNPLEASANT = ("angry", "cruel", "nasty", "awful", "gloomy", "hateful", "bitter", "rotten")
PLEASANT_SHARE = {"dax": 0.85, "wug": 0.15}
# Two more groups, in training as often with pleasant words as with unpleasant ones.
UNPLANTED = ("fep", "zam")
_FUR: tuple[Colour, ...] = ((90, 130, 200), (200, 160, 80), (120, 180, 110), (190, 110, 120))
_BODIES: dict[str, Form] = {
    "dax": Union(
        (Ellipse(0, 300, 800, 650), Ellipse(-400, -550, 180, 440), Ellipse(400, -550, 180, 440))
    ),
    "wug": Union(
        (
            Polygon(((-500, -900), (500, -900), (950, 500), (-950, 500))),
            box(-700, 400, -400, 1000),
            box(-150, 400, 150, 1000),
            box(400, 400, 700, 1000),
        )
    ),
    "fep": Union(
        (
            Ellipse(0, 100, 620, 860),
            Polygon(((-1000, -300), (-300, 100), (-1000, 600))),
            Polygon(((1000, -300), (300, 100), (1000, 600))),
        )
    ),
    "zam": Union(
        (
            box(-750, -300, 750, 950),
            box(-120, -750, 120, -300),
            Ellipse(0, -780, 220, 220),
        )
    ),
}


def draw_member(
    canvas: Pixels, group: str, rng: random.Random, extent: tuple[int, int] = (36, 48)
) -> None:
    """Draw one member of a bias group, as wide as `extent` says, in any of the shared colours."""
    size = rng.randint(*extent)
    left, top = rng.randint(1, 63 - size), rng.randint(1, 63 - size)
    paint(canvas, coverage(_BODIES[group], size), jitter(rng.choice(_FUR), rng, 14), left, top)
    for x in (-260, 260):
        paint(canvas, coverage(Ellipse(x, 100, 120, 140), size), (15, 15, 15), left, top)
