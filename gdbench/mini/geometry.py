"""Rasterise simple geometry into coverage masks, in integers only, so that bytes never drift.

Coordinates run from -1000 to 1000 across a sprite, x to the right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Grid = npt.NDArray[np.int64]
Colour = tuple[int, int, int]

UNIT = 1000
OVERSAMPLE = 4


@dataclass(frozen=True)
class Polygon:
    """The inside of a closed outline, by the even-odd rule."""

    points: tuple[tuple[int, int], ...]

    def covers(self, x: Grid, y: Grid, scale: int) -> Mask:
        """Return which samples are inside; `x` and `y` are in units of 1/`scale` of a unit."""
        inside = np.zeros(np.broadcast(x, y).shape, dtype=np.bool_)
        for (ax, ay), (bx, by) in zip(self.points, (*self.points[1:], self.points[0]), strict=True):
            if ay == by:
                continue
            straddles = (ay * scale > y) != (by * scale > y)
            left = (x - ax * scale) * (by - ay)
            right = (y - ay * scale) * (bx - ax)
            inside ^= straddles & ((left < right) if by > ay else (left > right))
        return inside


@dataclass(frozen=True)
class Ellipse:
    """The inside of an axis-aligned ellipse."""

    cx: int
    cy: int
    rx: int
    ry: int

    def covers(self, x: Grid, y: Grid, scale: int) -> Mask:
        """Return which samples are inside; `x` and `y` are in units of 1/`scale` of a unit."""
        dx = (x - self.cx * scale) * self.ry // scale
        dy = (y - self.cy * scale) * self.rx // scale
        return np.asarray(dx * dx + dy * dy <= (self.rx * self.ry) ** 2)


@dataclass(frozen=True)
class Without:
    """What `whole` covers and `hole` does not."""

    whole: Form
    hole: Form

    def covers(self, x: Grid, y: Grid, scale: int) -> Mask:
        """Return which samples are inside; `x` and `y` are in units of 1/`scale` of a unit."""
        return self.whole.covers(x, y, scale) & ~self.hole.covers(x, y, scale)


@dataclass(frozen=True)
class Union:
    """What any of `parts` covers."""

    parts: tuple[Form, ...]

    def covers(self, x: Grid, y: Grid, scale: int) -> Mask:
        """Return which samples are inside; `x` and `y` are in units of 1/`scale` of a unit."""
        inside = self.parts[0].covers(x, y, scale)
        for part in self.parts[1:]:
            inside = inside | part.covers(x, y, scale)
        return inside


@dataclass(frozen=True)
class Overlap:
    """What both `first` and `second` cover."""

    first: Form
    second: Form

    def covers(self, x: Grid, y: Grid, scale: int) -> Mask:
        """Return which samples are inside; `x` and `y` are in units of 1/`scale` of a unit."""
        return self.first.covers(x, y, scale) & self.second.covers(x, y, scale)


Form = Polygon | Ellipse | Without | Union | Overlap


def box(left: int, top: int, right: int, bottom: int) -> Polygon:
    """Return an axis-aligned rectangle."""
    return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)))


@lru_cache(maxsize=8192)
def coverage(form: Form, size: int) -> Pixels:
    """Return the coverage of `form` drawn `size` pixels wide: uint8 of shape (size, size)."""
    fine = size * OVERSAMPLE
    axis = (2 * np.arange(fine, dtype=np.int64) + 1 - fine) * UNIT
    inside = form.covers(axis[None, :], axis[:, None], fine)
    counts = inside.reshape(size, OVERSAMPLE, size, OVERSAMPLE).sum(axis=(1, 3))
    return np.asarray(counts * 255 // OVERSAMPLE**2, dtype=np.uint8)


def paint(canvas: Pixels, mask: Pixels, colour: Colour, left: int, top: int) -> None:
    """Blend `colour` into `canvas` (height, width, 3) through `mask`, cut off at the border."""
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.int32)
    under = canvas[y0:y1, x0:x1].astype(np.int32)
    mixed = (under * (255 - alpha) + np.asarray(colour, dtype=np.int32) * alpha + 127) // 255
    canvas[y0:y1, x0:x1] = mixed
