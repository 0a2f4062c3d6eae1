"""What a wanted precision takes, as a table of a task's page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Precision, Row
from gdbench.leaderboard.words import PLUS_MINUS
from gdbench.numbers import SHARE

_DIGITS = 2  # a precision of another sample is not known to more


@dataclass(frozen=True)
class Line:
    """One model."""

    slug: str
    name: str
    n: str
    now: str
    """Half width of its interval, in points."""
    items: tuple[str, ...]
    """Items that make it as narrow as each of the heads says."""
    samples: str
    noise: str
    """The largest noise error of the primary metrics, in points."""
    samples_for_noise: str


@dataclass(frozen=True)
class PrecisionTable:
    """The table."""

    heads: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def with_noise(self) -> bool:
        """Whether any model's noise was measured."""
        return any(line.noise for line in self.lines)


def precision_table(found: Sequence[Precision], rows: Mapping[str, Row]) -> PrecisionTable | None:
    """The table; None without any line."""
    if not found:
        return None
    heads = tuple(f"{PLUS_MINUS}{SHARE.scale * wanted:g}" for wanted, _ in found[0].items)
    return PrecisionTable(heads, tuple(_line(p, rows[p.row]) for p in found))


def _line(p: Precision, row: Row) -> Line:
    needed = "" if p.noise is None else "out of reach"
    return Line(
        slug=row.slug,
        name=row.label,
        n=f"{p.n:,}",
        now=f"{PLUS_MINUS}{SHARE.scale * p.half_width:.1f}",
        items=tuple(about(n) for _, n in p.items),
        samples="" if p.samples is None else f"{p.samples:,}",
        noise="" if p.noise is None else f"{SHARE.scale * p.noise:.2f}",
        samples_for_noise=needed if p.samples_for_noise is None else about(p.samples_for_noise),
    )


def about(count: int) -> str:
    """A number rounded up to two significant digits."""
    step = 10 ** max(0, math.floor(math.log10(count)) + 1 - _DIGITS)
    return f"{math.ceil(count / step) * step:,}"
