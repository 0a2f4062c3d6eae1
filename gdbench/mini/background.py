"""Backgrounds: half of them plain, half busier, all in muted mid-tones that no shape has."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import random

import numpy as np

from gdbench.mini.geometry import Colour, Pixels

SIDE = 64
TONES: tuple[Colour, ...] = (
    (128, 128, 132),
    (165, 148, 122),
    (104, 118, 134),
    (132, 150, 130),
    (152, 130, 146),
)
PLAIN = "plain"
BUSY = ("gradient", "stripes", "checks", "specks", "blocks")
KINDS = (PLAIN, *BUSY)


def choose(rng: random.Random) -> str:
    """Return a kind of background, plain half of the time."""
    return PLAIN if rng.random() < 0.5 else rng.choice(BUSY)


def shift(colour: Colour, by: int) -> Colour:
    """Return `colour` made lighter or darker by `by`."""
    red, green, blue = (min(max(channel + by, 0), 255) for channel in colour)
    return red, green, blue


def jitter(colour: Colour, rng: random.Random, by: int) -> Colour:
    """Return `colour` with each channel moved by at most `by`."""
    red, green, blue = (min(max(c + rng.randint(-by, by), 0), 255) for c in colour)
    return red, green, blue


def draw(kind: str, rng: random.Random) -> Pixels:
    """Return a background of `kind`: uint8 of shape (64, 64, 3)."""
    tone = jitter(rng.choice(TONES), rng, 12)
    strength = rng.randint(16, 34)
    canvas = np.empty((SIDE, SIDE, 3), dtype=np.int32)
    canvas[:] = tone
    ramp = np.arange(SIDE, dtype=np.int32)
    if kind == "gradient":
        steps = ramp if rng.random() < 0.5 else ramp[::-1]
        slope = (steps - SIDE // 2) * 2 * strength // SIDE
        canvas += slope[:, None, None] if rng.random() < 0.5 else slope[None, :, None]
    elif kind == "stripes":
        width = rng.randint(3, 6)
        along = rng.choice(
            (ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], ramp[:, None] + ramp)
        )
        canvas += np.where((along // width) % 2 == 0, strength, -strength)[..., None] // 2
    elif kind == "checks":
        width = rng.randint(4, 8)
        cells = (ramp[:, None] // width + ramp // width) % 2
        canvas += np.where(cells == 0, strength, -strength)[..., None] // 2
    elif kind == "specks":
        for _ in range(rng.randint(40, 80)):
            x, y, side = rng.randrange(SIDE), rng.randrange(SIDE), rng.randint(1, 3)
            canvas[y : y + side, x : x + side] += rng.choice((-strength, strength))
    elif kind == "blocks":
        noise = np.random.RandomState(rng.getrandbits(32)).randint(
            -strength, strength + 1, (16, 16)
        )
        canvas += np.repeat(np.repeat(noise, 4, axis=0), 4, axis=1)[..., None].astype(np.int32)
    return np.clip(canvas, 0, 255).astype(np.uint8)
