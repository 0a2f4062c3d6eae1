"""The coloured shapes: names, colours, outlines, sizes, and the held-out combinations."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.mini.geometry import Colour, Ellipse, Form, Polygon, Union, Without, box

COLOURS: dict[str, Colour] = {
    "red": (220, 35, 40),
    "orange": (248, 140, 20),
    "yellow": (248, 228, 50),
    "green": (30, 160, 50),
    "blue": (35, 80, 220),
    "purple": (140, 40, 175),
    "white": (248, 248, 248),
    "black": (16, 16, 16),
}

_DISC = Ellipse(0, 0, 1000, 1000)
SHAPES: dict[str, Form] = {
    "circle": _DISC,
    "square": box(-900, -900, 900, 900),
    "triangle": Polygon(((0, -950), (1000, 900), (-1000, 900))),
    "star": Polygon(
        (
            (0, -1000),
            (235, -324),
            (951, -309),
            (380, 124),
            (588, 809),
            (0, 400),
            (-588, 809),
            (-380, 124),
            (-951, -309),
            (-235, -324),
        )
    ),
    "cross": Union((box(-1000, -320, 1000, 320), box(-320, -1000, 320, 1000))),
    "ring": Without(_DISC, Ellipse(0, 0, 560, 560)),
    "heart": Union(
        (
            Ellipse(-490, -400, 500, 500),
            Ellipse(490, -400, 500, 500),
            Polygon(((-940, -170), (0, -420), (940, -170), (0, 960))),
        )
    ),
    "moon": Without(_DISC, Ellipse(480, 0, 850, 850)),
}
COLOUR_NAMES = tuple(COLOURS)
SHAPE_NAMES = tuple(SHAPES)

SMALL = (16, 18)
LARGE = (27, 30)
ANY = (20, 29)

# One colour per shape and one shape per colour: never drawn and never named in training.
HELD_OUT = frozenset(
    (colour, SHAPE_NAMES[(3 * place + 1) % len(SHAPE_NAMES)])
    for place, colour in enumerate(COLOUR_NAMES)
)


@dataclass(frozen=True)
class Thing:
    """A coloured shape; `size` is "small", "large" or "" for in between.

    Only in words, never in a picture, the colour may be "".
    """

    colour: str
    shape: str
    size: str = ""

    @property
    def held_out(self) -> bool:
        """Whether this colour and shape never occur together in training."""
        return (self.colour, self.shape) in HELD_OUT

    @property
    def extent(self) -> tuple[int, int]:
        """Smallest and largest width in pixels."""
        return {"small": SMALL, "large": LARGE}.get(self.size, ANY)

    def __str__(self) -> str:
        """Return the words for it without an article."""
        return " ".join(word for word in (self.size, self.colour, self.shape) if word)
