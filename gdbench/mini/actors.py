"""Subject-verb-object scenes: six subjects, six objects, six verbs that look different."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gdbench.mini.background import jitter
from gdbench.mini.geometry import (
    Colour,
    Ellipse,
    Form,
    Pixels,
    Polygon,
    Union,
    box,
    coverage,
    paint,
)

Parts = tuple[tuple[Form, Colour], ...]
_INK: Colour = (15, 15, 20)


def _eyes(y: int, gap: int = 280, size: int = 140) -> tuple[Form, Colour]:
    return Union((Ellipse(-gap, y, size, size), Ellipse(gap, y, size, size))), _INK


SUBJECTS: dict[str, Parts] = {
    "robot": (
        (
            Union(
                (box(-750, -400, 750, 1000), box(-90, -800, 90, -400), Ellipse(0, -820, 180, 180))
            ),
            (205, 210, 220),
        ),
        _eyes(50),
        (box(-450, 500, 450, 680), _INK),
    ),
    "cat": (
        (
            Union(
                (
                    Ellipse(0, 250, 850, 750),
                    Polygon(((-850, -1000), (-150, -380), (-800, 100))),
                    Polygon(((850, -1000), (150, -380), (800, 100))),
                )
            ),
            (240, 140, 40),
        ),
        _eyes(150),
    ),
    "bird": (
        (Ellipse(-100, 100, 800, 850), (50, 110, 225)),
        (Polygon(((550, -150), (1000, 100), (550, 300))), (250, 210, 40)),
        _eyes(-150),
    ),
    "ghost": (
        (
            Union(
                (
                    Ellipse(0, -200, 780, 780),
                    box(-780, -200, 780, 700),
                    Ellipse(-520, 700, 260, 300),
                    Ellipse(0, 700, 260, 300),
                    Ellipse(520, 700, 260, 300),
                )
            ),
            (250, 250, 250),
        ),
        _eyes(-150, 300, 200),
    ),
    "frog": (
        (
            Union(
                (
                    Ellipse(0, 350, 1000, 620),
                    Ellipse(-480, -300, 340, 340),
                    Ellipse(480, -300, 340, 340),
                )
            ),
            (60, 180, 50),
        ),
        _eyes(-300, 480, 170),
    ),
    "bug": (
        (Ellipse(0, 100, 880, 850), (215, 35, 40)),
        (Union((Ellipse(0, -620, 450, 380), box(-70, -400, 70, 950))), _INK),
        (Union((Ellipse(-430, 250, 190, 190), Ellipse(430, 250, 190, 190))), _INK),
    ),
}
OBJECTS: dict[str, Parts] = {
    "box": (
        (box(-900, -800, 900, 1000), (165, 105, 50)),
        (Union((box(-900, -150, 900, 50), box(-100, -800, 100, 1000))), (235, 205, 140)),
    ),
    "ball": (
        (Ellipse(0, 50, 950, 950), (235, 60, 160)),
        (box(-930, -120, 930, 220), (255, 255, 255)),
    ),
    "tree": (
        (box(-220, 200, 220, 1000), (110, 70, 35)),
        (Polygon(((0, -1000), (900, 450), (-900, 450))), (15, 110, 45)),
    ),
    "lamp": (
        (Union((box(-90, -200, 90, 900), box(-500, 850, 500, 1000))), _INK),
        (Polygon(((-420, -1000), (420, -1000), (850, 50), (-850, 50))), (255, 235, 70)),
    ),
    "house": (
        (box(-780, -150, 780, 1000), (225, 215, 195)),
        (Polygon(((0, -1000), (1000, -100), (-1000, -100))), (180, 40, 40)),
        (box(-220, 300, 220, 1000), (70, 50, 40)),
    ),
    "cup": (
        (Polygon(((-800, -800), (800, -800), (550, 950), (-550, 950))), (30, 185, 200)),
        (box(-800, -800, 800, -500), (250, 250, 250)),
    ),
}
VERBS = ("sits on", "touches", "points at", "jumps over", "holds", "hides behind")


@dataclass(frozen=True)
class Event:
    """Who does what to what."""

    subject: str
    verb: str
    object: str

    def __str__(self) -> str:
        """Return the sentence."""
        return f"the {self.subject} {self.verb} the {self.object}"


def stamp(
    canvas: Pixels, parts: Parts, size: int, left: int, top: int, shade: int, rng: random.Random
) -> None:
    """Draw `parts`, `size` pixels wide, each in its colour moved by at most `shade`."""
    for form, colour in parts:
        paint(canvas, coverage(form, size), jitter(colour, rng, shade), left, top)


def draw_event(canvas: Pixels, event: Event, rng: random.Random) -> None:
    """Draw an event; both parties are 20 to 23 pixels wide."""
    size = rng.randint(20, 23)
    dx, dy = rng.randint(-7, 7), rng.randint(-5, 5)
    side = rng.choice((-1, 1))
    subject, thing = SUBJECTS[event.subject], OBJECTS[event.object]
    cx, cy = 32 - size // 2 + dx, 32 - size // 2 + dy
    half, gap = size // 2, rng.randint(6, 8)
    x, y, ox, oy = {
        "sits on": (cx, cy - half, cx, cy + half),
        "touches": (cx - side * half, cy, cx + side * half, cy),
        "points at": (cx - side * (half + gap), cy, cx + side * (half + gap), cy),
        "jumps over": (cx, cy - half - gap, cx, cy + half + gap - 2),
        "holds": (cx, cy + half - 1, cx, cy - half + 1),
        "hides behind": (cx - side * 5, cy - 4, cx + side * 4, cy + 4),
    }[event.verb]
    if event.verb == "jumps over":
        for step in (-1, 0, 1):
            paint(
                canvas,
                coverage(box(-200, -1000, 200, 1000), 8),
                _INK,
                cx + half - 4 + 6 * step,
                y + size + 2,
            )
    if event.verb == "points at":
        middle = min(x, ox) + size
        length = max(x, ox) - middle
        arm = Polygon(((-1000 * side, -220), (1000 * side, 0), (-1000 * side, 220)))
        paint(canvas, coverage(arm, length + 4), _INK, middle - 2, cy + half - length // 2 - 2)
    if event.verb == "holds":
        for edge in (cx - 4, cx + size):
            paint(
                canvas,
                coverage(box(-500, -1000, 500, 1000), 2 * half),
                _INK,
                edge - half + 2,
                cy - 2,
            )
    stamp(canvas, subject, size, x, y, 8, rng)
    stamp(canvas, thing, size, ox, oy, 8, rng)
