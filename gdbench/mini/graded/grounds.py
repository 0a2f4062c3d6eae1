"""Textured grounds: noise of several scales, as photographs have it, in whole numbers only."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gdbench.mini import background
from gdbench.mini.background import SIDE, TONES, jitter
from gdbench.mini.geometry import Pixels

# How far the texture leaves its tone, in grey values; each level has quiet pictures and loud ones.
STRENGTHS = {1: (0, 4, 8, 14, 22), 2: (0, 6, 12, 22, 34), 3: (0, 8, 16, 28, 44)}
_CELLS = (2, 4, 8, 16, 32)
# Share of each scale in sixteenths, coarse to fine: smooth as a sky, even, or rough as grass.
_SPECTRA = ((12, 7, 4, 2, 1), (8, 7, 5, 4, 3), (4, 5, 6, 7, 6))

Grid = npt.NDArray[np.float32]


@lru_cache(maxsize=len(_CELLS))
def _between(cells: int) -> Grid:
    """Return how much of each of `cells` + 1 points is in each of 64 places: whole numbers."""
    step = SIDE // cells
    place, part = np.divmod(np.arange(SIDE), step)
    found = np.zeros((SIDE, cells + 1), dtype=np.float32)
    found[np.arange(SIDE), place] = step - part
    found[np.arange(SIDE), place + 1] += part
    return found


def _spread(grid: Grid) -> Grid:
    """Interpolate a grid (c, n + 1, n + 1) of whole numbers to (c, 64, 64), rounded down.

    All numbers on the way are whole and below 2**24, and the division is by a power of two: the
    bytes are the same on every machine.
    """
    cells = grid.shape[1] - 1
    weights = _between(cells)
    spread: Grid = np.floor(weights @ grid @ weights.T / np.float32((SIDE // cells) ** 2))
    return spread


def texture(rng: random.Random, strength: int) -> npt.NDArray[np.int32]:
    """Return noise (64, 64, 3) of a random roughness: mostly light and dark, some colour."""
    numbers = np.random.RandomState(rng.getrandbits(32))
    found = np.zeros((3, SIDE, SIDE), dtype=np.float32)
    for cells, share in zip(_CELLS, rng.choice(_SPECTRA), strict=True):
        most = strength * share // 8
        shape = (cells + 1, cells + 1)
        light = numbers.randint(-most, most + 1, (*shape, 1))
        colour = numbers.randint(-most, most + 1, (*shape, 3)) // 3
        found += _spread((light + colour).astype(np.float32).transpose(2, 0, 1))
    return found.astype(np.int32).transpose(1, 2, 0)


def draw(level: int, rng: random.Random) -> Pixels:
    """Return a ground for `level` (1 to 3): uint8 of shape (64, 64, 3)."""
    if level == 1 and rng.random() < 0.4:
        return background.draw(background.choose(rng), rng)
    tone = np.asarray(jitter(rng.choice(TONES), rng, 10 + 8 * level), dtype=np.int32)
    noise = texture(rng, rng.choice(STRENGTHS[level]))
    canvas: Pixels = np.clip(tone + noise, 0, 255).astype(np.uint8)
    return canvas
