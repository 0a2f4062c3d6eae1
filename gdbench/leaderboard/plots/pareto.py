"""Score against cost on a log axis, with the front of models that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.plots import svg
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, seconds, value_text

WIDTH, HEIGHT = 760.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 20.0, 16.0, 46.0
_MANY = 40  # beyond this, points carry no interval bars


@dataclass(frozen=True)
class Point:
    """One model."""

    name: str
    family: str
    cost: float
    """Seconds for each item."""
    score: Estimate
    ranked: bool = True
    """Controls and parts of tasks have no rank and are no rivals."""


def front(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in cost and score, cheapest first, among those that are ranked."""
    best = float("-inf")
    kept = []
    models = [p for p in points if p.ranked]
    for point in sorted(models, key=lambda p: (p.cost, -p.score.value, p.name)):
        if point.score.value > best:
            kept.append(point)
            best = point.score.value
    return kept


def draw(points: Sequence[Point]) -> Markup:
    """The plot; `points` must not be empty and have positive costs."""
    low, high = min(p.cost for p in points), max(p.cost for p in points)
    x = svg.Scale(low / 1.6, high * 1.6, LEFT, WIDTH - RIGHT, log=True)
    ends = [b for p in points for b in (p.score.bounds or (p.score.value,))]
    floor, top = max(0.0, min(ends) - 0.03), min(1.0, max(ends) + 0.03)
    y = svg.Scale(floor, top, HEIGHT - BOTTOM, TOP)
    best = front(points)
    parts = _axes(x, y)
    parts.append(svg.polyline(_steps(best, x, y), "front"))
    many = len(points) > _MANY
    for p in sorted(points, key=lambda p: (p.cost, p.name)):
        if p.score.bounds and not many:
            px = x(p.cost)
            parts.append(svg.line(px, y(p.score.bounds[0]), px, y(p.score.bounds[1]), "whisker"))
        hint = "" if many else f"{p.name}: {value_text(p.score.value, SHARE)}, {seconds(p.cost)}"
        parts.append(svg.mark(p.family, x(p.cost), y(p.score.value), hint))
    parts += _labels(best, x, y)
    names = ", ".join(svg.cut(p.name, 40) for p in best)
    label = f"GDBench score against seconds per item, {len(points)} models"
    label += f"; on the front: {names}" if names else ""
    return svg.picture(WIDTH, HEIGHT, label, *parts)


def _axes(x: svg.Scale, y: svg.Scale) -> list[Markup]:
    parts = []
    for tick in svg.round_ticks(SHARE.scale * y.low, SHARE.scale * y.high):
        py = y(tick / SHARE.scale)
        parts += [svg.line(LEFT, py, WIDTH - RIGHT, py, "grid"),
                  svg.text(f"{tick:g}", LEFT - 8, py + 4, "tick", "end")]  # fmt: skip
    for tick in svg.log_ticks(x.low, x.high):
        px = x(tick)
        parts += [svg.line(px, TOP, px, HEIGHT - BOTTOM, "grid"),
                  svg.text(seconds(tick), px, HEIGHT - BOTTOM + 18, "tick", "middle")]  # fmt: skip
    parts.append(svg.text("time per item, log scale", WIDTH - RIGHT, HEIGHT - 8, "axis", "end"))
    parts.append(svg.text("GDBench score", 4, HEIGHT - 8, "axis"))
    return parts


def _steps(best: Sequence[Point], x: svg.Scale, y: svg.Scale) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for p in best:
        if steps:
            steps.append((x(p.cost), steps[-1][1]))
        steps.append((x(p.cost), y(p.score.value)))
    return [*steps, (WIDTH - RIGHT, steps[-1][1])] if steps else []


def _labels(best: Sequence[Point], x: svg.Scale, y: svg.Scale) -> list[Markup]:
    """Names of the front, left out where they would overlap one already written."""
    written: list[tuple[float, float]] = []
    parts = []
    for p in reversed(best):
        name = svg.cut(p.name.partition("@")[0], 24)
        px, py, width = x(p.cost), y(p.score.value) - 10, 6.6 * len(name)
        at_end = px + width > WIDTH - RIGHT
        left = px - width if at_end else px
        if any(abs(py - oy) < 14 and left < ox for ox, oy in written):  # noqa: PLR2004 # line height
            continue
        written.append((left + width, py))
        parts.append(svg.text(name, px, py, "label", "end" if at_end else None))
    return parts
