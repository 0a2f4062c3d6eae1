"""All pictures of a page in one PNG: one request, and equal pictures are stored once."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from gdbench.protocol import ImageRef

COLUMNS = 20
_MOST_COLOURS = 256


@dataclass(frozen=True)
class Sprite:
    """The PNG, its size in pixels, and where each picture is: sha256 -> (x, y, side)."""

    png: bytes
    width: int
    height: int
    places: dict[str, tuple[int, int]]
    side: int


def sprite(pictures: Iterable[ImageRef], side: int) -> Sprite:
    """Tile the pictures, in order, each `side` x `side` pixels; larger ones are scaled down."""
    unique: dict[str, ImageRef] = {}
    for picture in pictures:
        unique.setdefault(picture.sha256, picture)
    rows = -(-len(unique) // COLUMNS)
    width, height = COLUMNS * side, max(rows, 1) * side
    sheet = Image.new("RGB", (width, height))
    places: dict[str, tuple[int, int]] = {}
    for index, (key, picture) in enumerate(unique.items()):
        x, y = index % COLUMNS * side, index // COLUMNS * side
        image = picture.open().convert("RGB")
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(image, (x, y))
        places[key] = (x, y)
    out = io.BytesIO()
    few = sheet.getcolors(_MOST_COLOURS)
    (sheet.quantize(len(few)) if few else sheet).save(out, "PNG")
    return Sprite(out.getvalue(), width, height, places, side)


def same_pixels(first: bytes, second: bytes) -> bool:
    """Whether two PNGs show the same; no where one cannot be read."""
    try:
        with Image.open(io.BytesIO(first)) as a, Image.open(io.BytesIO(second)) as b:
            return a.size == b.size and a.convert("RGB").tobytes() == b.convert("RGB").tobytes()
    except OSError:
        return False
