"""Score against cost on a log axis, with the front of models that no other surely beats in both.

Cost is floating-point operations for each item, which are counted and the same on every device, so
that models of every kind stand on one axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.show.plots import lettering, svg
from gdbench.leaderboard.words import path_quote
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, flops, value_text

WIDTH, HEIGHT = 1000.0, 420.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 150.0, 16.0, 46.0
_SIZE = 12.0  # of the font
_WIDEST = 240.0  # line of a name
_GAP = 11.0
_MANY = 40  # beyond this, points carry no interval bars and only the front has names


@dataclass(frozen=True)
class Point:
    """One model."""

    name: str
    label: str
    family: str
    cost: float
    """Floating-point operations for each item, more than none."""
    score: Estimate
    page: str = ""


def draw(
    points: Sequence[Point], front: Sequence[str], here: str = "", left_out: Sequence[str] = ()
) -> Markup:
    """The plot; `points` must not be empty; links are relative to `here`.

    `front` are the names of the points that no other surely beats, cheapest first; `left_out`
    names models whose cost is not known.
    """
    x, y = _scales(points)
    by_name = {p.name: p for p in points}
    best = [by_name[name] for name in front]
    many = len(points) > _MANY
    parts = _axes(x, y)
    spots = {p.name: (x(p.cost), y(p.score.value)) for p in points}
    parts.append(svg.polyline(_steps([spots[p.name] for p in best]), "front"))
    for p in sorted(points, key=lambda p: (p.cost, p.name)):
        px, py = spots[p.name]
        if p.score.bounds and not many:
            parts.append(svg.line(px, y(p.score.bounds[0]), px, y(p.score.bounds[1]), "whisker"))
        parts.append(svg.mark(p.family, px, py, _hint(p)))
    labels, lowest = _labels(best if many else points, spots, here)
    label = f"GDBench score against operations an item, {len(points)} models"
    if best:
        label += f"; on the front: {', '.join(p.label for p in best)}"
    notes: list[Markup] = []
    height = max(HEIGHT, lowest + BOTTOM)
    if left_out:
        words = f"operations not counted: {', '.join(left_out)}"
        label += f"; {words}"
        lines = lettering.wrapped(words, WIDTH - 8, _SIZE)
        notes = svg.lines(lines, 4, height + svg.LEADING * len(lines) / 2, "axis")
        height += svg.LEADING * len(lines) + 6
    return svg.picture(WIDTH, height, label, *parts, *labels, *notes, role="group")


def _hint(p: Point) -> str:
    return f"{p.label}: {value_text(p.score.value, SHARE)}, {flops(p.cost)} an item"


def _scales(points: Sequence[Point]) -> tuple[svg.Scale, svg.Scale]:
    costs = [p.cost for p in points]
    x = svg.Scale(min(costs) / 1.6, max(costs) * 1.6, LEFT, WIDTH - RIGHT, log=True)
    ends = [b for p in points for b in (p.score.bounds or (p.score.value,))]
    floor, top = max(0.0, min(ends) - 0.03), min(1.0, max(ends) + 0.03)
    return x, svg.Scale(floor, top, HEIGHT - BOTTOM, TOP)


def _axes(x: svg.Scale, y: svg.Scale) -> list[Markup]:
    parts = []
    for tick in svg.round_ticks(SHARE.scale * y.low, SHARE.scale * y.high):
        py = y(tick / SHARE.scale)
        parts += [svg.line(LEFT, py, WIDTH - RIGHT, py, "grid"),
                  svg.text(f"{tick:g}", LEFT - 8, py + 4, "tick", "end")]  # fmt: skip
    for tick in svg.log_ticks(x.low, x.high):
        px = x(tick)
        parts += [svg.line(px, TOP, px, HEIGHT - BOTTOM, "grid"),
                  svg.text(flops(tick), px, HEIGHT - BOTTOM + 18, "tick", "middle")]  # fmt: skip
    parts.append(svg.text("floating-point operations an item, log scale", WIDTH - RIGHT, HEIGHT - 8,
                          "axis", "end"))  # fmt: skip
    parts.append(svg.text("GDBench score", 4, HEIGHT - 8, "axis"))
    return parts


def _steps(spots: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for px, py in spots:
        if steps:
            steps.append((px, steps[-1][1]))
        steps.append((px, py))
    return [*steps, (WIDTH - RIGHT, steps[-1][1])] if steps else []


def _labels(
    points: Sequence[Point], spots: dict[str, tuple[float, float]], here: str
) -> tuple[list[Markup], float]:
    """A name beside each point, moved inwards where it would stand on another; the lowest line.

    It stands at the right, or at the left where there is no room.
    """
    root = "../" * here.count("/")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    written: list[tuple[float, float, float, float]] = []
    parts = []
    # from the outside in, so that no name is moved over an axis
    for p in sorted(points, key=lambda p: (-abs(spots[p.name][1] - middle), p.name)):
        px, py = spots[p.name]
        words = lettering.wrapped(p.label, _WIDEST, _SIZE)
        wide = max(lettering.width(line, _SIZE) for line in words)
        fits = px + _GAP + wide <= WIDTH
        left = px + _GAP if fits else px - _GAP - wide
        tall = svg.LEADING * len(words)
        down = py <= middle
        top = py - tall / 2
        for a, b, c, d in sorted(written, key=lambda w: w[2], reverse=not down):
            if left < b and left + wide > a and top < d and top + tall > c:
                top = d if down else c - tall
        written.append((left, left + wide, top, top + tall))
        anchor = None if fits else "end"
        lines = svg.lines(words, px + _GAP if fits else px - _GAP, top + tall / 2, "label", anchor)
        parts += [svg.tag("a", *lines, href=root + path_quote(p.page))] if p.page else lines
    return parts, max((w[3] for w in written), default=0.0)
