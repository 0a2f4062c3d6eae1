"""What a wanted precision takes: how many items for an interval, how many samples for the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Result, Row
from gdbench.leaderboard.words import PLUS_MINUS
from gdbench.metrics.power import items_for, samples_for
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task

INTERVALS = (0.05, 0.02, 0.01)
"""Half widths of intervals, as shares."""
NOISE = 0.01
"""Standard error of the noise, as a share."""
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
    """Items that make it as narrow as each of `INTERVALS`."""
    samples: str
    noise: str
    """The largest noise error of the primary metrics, in points."""
    samples_for_noise: str


@dataclass(frozen=True)
class Precision:
    """A table of a task page."""

    heads: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def with_noise(self) -> bool:
        """Whether any model's noise was measured."""
        return any(line.noise for line in self.lines)


def precision(task: Task, rows: Sequence[Row]) -> Precision | None:
    """The table of the models whose score has an interval; None without any, and for bias."""
    if task.score_unit != SHARE:
        return None
    found = [line for row in rows if (line := _line(row, row.results[task.name])) is not None]
    heads = tuple(f"{PLUS_MINUS}{SHARE.scale * w:g}" for w in INTERVALS)
    return Precision(heads, tuple(found)) if found else None


def _line(row: Row, result: Result) -> Line | None:
    half = None if result.estimate is None else result.estimate.half_width
    if not half:
        return None
    record = result.entry.record
    n, samples = record.task.n_items, record.settings.samples
    noisy = [
        m
        for m in result.metrics
        if m.name in result.task.primary and m.noise_se is not None and samples is not None
    ]
    worst = max(noisy, key=lambda m: m.noise_se or 0.0, default=None)
    needed: int | None = None
    if worst is not None and worst.noise_se is not None and samples is not None:
        needed = samples_for(samples, worst.samples_to_halve_noise, worst.noise_se, NOISE)
    return Line(
        slug=row.slug,
        name=row.label,
        n=f"{n:,}",
        now=f"{PLUS_MINUS}{SHARE.scale * half:.1f}",
        items=tuple(about(items_for(n, half, wanted)) for wanted in INTERVALS),
        samples="" if worst is None else f"{samples:,}",
        noise="" if worst is None else f"{SHARE.scale * (worst.noise_se or 0.0):.2f}",
        samples_for_noise="" if worst is None else "out of reach" if needed is None
        else about(needed),
    )  # fmt: skip


def about(count: int) -> str:
    """A number rounded up to two significant digits."""
    step = 10 ** max(0, math.floor(math.log10(count)) + 1 - _DIGITS)
    return f"{math.ceil(count / step) * step:,}"
