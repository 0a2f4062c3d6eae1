"""Curves over timesteps: the score of a larger budget, and what each timestep tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.show.plots import lettering, svg
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, value_text

WIDTH, HEIGHT = 860.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 170.0, 14.0, 44.0
_SIZE = 12.0  # of the font


@dataclass(frozen=True)
class Curve:
    """One model."""

    name: str
    family: str
    points: tuple[tuple[int, Estimate], ...]
    """(timesteps, value with its interval), by timesteps."""


@dataclass(frozen=True)
class Words:
    """What a plot of curves says of itself."""

    title: str
    x: str
    y: str
    reference: str


BUDGET = Words("Score against number of timesteps", "timesteps, log scale", "score", "chance")
GAP = Words("Gap of the errors by timestep", "timestep", "% of the error", "no difference")


def draw(
    curves: Sequence[Curve], reference: float | None, unit: Unit, words: Words = BUDGET
) -> Markup:
    """The plot; curves must not be empty. That of a budget has a log scale."""
    steps = [n for c in curves for n, _ in c.points]
    values = [v for c in curves for _, e in c.points for v in (*(e.bounds or ()), e.value)]
    values += [reference] if reference is not None else []
    x = svg.Scale(min(steps), max(steps), LEFT, WIDTH - RIGHT, log=words is BUDGET)
    pad = 0.03 if unit.bounds else 0.03 * (max(values) - min(values) or 1.0)
    low, high = min(values) - pad, max(values) + pad
    if unit.bounds is not None:
        low, high = max(unit.bounds[0], low), min(unit.bounds[1], high)
    y = svg.Scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = []
    for tick in svg.round_ticks(unit.scale * low, unit.scale * high):
        py = y(tick / unit.scale)
        parts += [svg.line(LEFT, py, WIDTH - RIGHT, py, "grid"),
                  svg.text(f"{tick:g}", LEFT - 8, py + 4, "tick", "end")]  # fmt: skip
    marks = sorted(set(steps)) if words is BUDGET else svg.round_ticks(x.low, x.high, 8)
    for n in marks:
        parts.append(svg.text(f"{n:g}", x(n), HEIGHT - BOTTOM + 18, "tick", "middle"))
    parts += [svg.text(words.x, WIDTH - RIGHT, HEIGHT - 6, "axis", "end"),
              svg.text(words.y, 4, HEIGHT - 6, "axis")]  # fmt: skip
    if reference is not None:
        parts.append(svg.line(LEFT, y(reference), WIDTH - RIGHT, y(reference), "reference"))
        parts.append(svg.text(words.reference, LEFT + 4, y(reference) - 4, "axis"))
    ends: list[float] = []
    for c in sorted(curves, key=lambda c: (-c.points[-1][1].value, c.name)):
        spots = [(x(n), y(e.value)) for n, e in c.points]
        parts += [
            svg.line(x(n), y(e.bounds[0]), x(n), y(e.bounds[1]), "whisker")
            for n, e in c.points
            if e.bounds is not None
        ]
        parts.append(svg.polyline(spots, f"curve f-{c.family}"))
        parts += [svg.mark(c.family, px, py) for px, py in spots]
        name = lettering.wrapped(c.name, RIGHT - 16, _SIZE)
        tall = svg.LEADING * (len(name) - 1) / 2
        end = max([spots[-1][1], *(e + 14 + tall for e in ends[-1:])])
        ends.append(end + tall)
        parts += svg.lines(name, spots[-1][0] + 12, end, "label")
    places = 0 if unit.bounds else None

    def said(point: tuple[int, Estimate]) -> str:
        return f"{value_text(point[1].value, unit, places=places)} at {point[0]}"

    told = "; ".join(f"{c.name}: {said(c.points[0])}, {said(c.points[-1])}" for c in curves)
    height = max([HEIGHT, *(end + svg.LEADING for end in ends)])
    return svg.picture(WIDTH, height, f"{words.title}. {told}", *parts)
