"""Score against cost on a log axis, with the front of models that no other surely beats in both.

Cost is passes of the network for each item, which is counted and the same on every device. Models
without timesteps stand in a column of their own at the left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.show.plots import svg
from gdbench.leaderboard.words import path_quote
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, count, value_text

WIDTH, HEIGHT = 1000.0, 420.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 150.0, 16.0, 46.0
_COLUMN = 150.0  # width of the models without timesteps
_MANY = 40  # beyond this, points carry no interval bars and only the front has names
_LINE = 14.0

Better = Callable[[str, str], bool]
"""Whether the first model is surely better than the second."""


@dataclass(frozen=True)
class Point:
    """One model."""

    name: str
    label: str
    family: str
    cost: float | None
    """Passes for each item; None: the model has no timesteps."""
    score: Estimate
    page: str = ""
    ranked: bool = True
    """Controls and parts of tasks have no rank and are no rivals."""


def front(points: Sequence[Point], better: Better) -> list[Point]:
    """Ranked points, cheapest first, each surely better than all that are cheaper."""
    kept: list[Point] = []
    models = [p for p in points if p.ranked]
    for point in sorted(models, key=lambda p: (p.cost or 0.0, -p.score.value, p.name)):
        if all(better(point.name, k.name) for k in kept):
            kept.append(point)
    return kept


def draw(points: Sequence[Point], better: Better, here: str = "") -> Markup:
    """The plot; `points` must not be empty and one has a cost; links are relative to `here`."""
    x, y = _scales(points)
    best = front(points, better)
    many = len(points) > _MANY
    parts = _axes(x, y, column=any(p.cost is None for p in points))
    spots = {p.name: (_x(p, x, index), y(p.score.value)) for index, p in enumerate(_left(points))}
    parts.append(svg.polyline(_steps([spots[p.name] for p in best]), "front"))
    for p in sorted(points, key=lambda p: (p.cost or 0.0, p.name)):
        px, py = spots[p.name]
        if p.score.bounds and not many:
            parts.append(svg.line(px, y(p.score.bounds[0]), px, y(p.score.bounds[1]), "whisker"))
        parts.append(svg.mark(p.family, px, py, _hint(p)))
    parts += _labels(best if many else points, spots, here)
    names = ", ".join(svg.cut(p.label, 40) for p in best)
    label = f"GDBench score against passes per item, {len(points)} models"
    label += f"; on the front: {names}" if names else ""
    return svg.picture(WIDTH, HEIGHT, label, *parts, role="group")


def _left(points: Sequence[Point]) -> list[Point]:
    """Models without timesteps first, by score, so that they can be spread over their column."""
    return sorted(points, key=lambda p: (p.cost is not None, p.score.value, p.name))


def _x(point: Point, x: svg.Scale, index: int) -> float:
    if point.cost is not None:
        return x(point.cost)
    return LEFT + 14 + 10 * (index % 3)


def _hint(p: Point) -> str:
    cost = "no timesteps" if p.cost is None else f"{count(p.cost)} passes an item"
    return f"{p.label}: {value_text(p.score.value, SHARE)}, {cost}"


def _scales(points: Sequence[Point]) -> tuple[svg.Scale, svg.Scale]:
    costs = [p.cost for p in points if p.cost is not None and p.cost > 0]
    low, high = min(costs), max(costs)
    start = LEFT + (_COLUMN if any(p.cost is None for p in points) else 0.0)
    x = svg.Scale(low / 1.6, high * 1.6, start, WIDTH - RIGHT, log=True)
    ends = [b for p in points for b in (p.score.bounds or (p.score.value,))]
    floor, top = max(0.0, min(ends) - 0.03), min(1.0, max(ends) + 0.03)
    return x, svg.Scale(floor, top, HEIGHT - BOTTOM, TOP)


def _axes(x: svg.Scale, y: svg.Scale, *, column: bool) -> list[Markup]:
    parts = []
    for tick in svg.round_ticks(SHARE.scale * y.low, SHARE.scale * y.high):
        py = y(tick / SHARE.scale)
        parts += [svg.line(LEFT, py, WIDTH - RIGHT, py, "grid"),
                  svg.text(f"{tick:g}", LEFT - 8, py + 4, "tick", "end")]  # fmt: skip
    for tick in svg.log_ticks(x.low, x.high):
        px = x(tick)
        parts += [svg.line(px, TOP, px, HEIGHT - BOTTOM, "grid"),
                  svg.text(count(tick), px, HEIGHT - BOTTOM + 18, "tick", "middle")]  # fmt: skip
    if column:
        parts.append(svg.text("no timesteps", LEFT, HEIGHT - BOTTOM + 18, "tick"))
    parts.append(svg.text("passes of the network an item, log scale", WIDTH - RIGHT, HEIGHT - 8,
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
) -> list[Markup]:
    """A name at the right of each point, moved down where it would stand on another one."""
    root = "../" * here.count("/")
    written: list[tuple[float, float, float]] = []
    parts = []
    for p in sorted(points, key=lambda p: spots[p.name][1]):
        px, py = spots[p.name]
        name = svg.cut(p.label, 24)
        left, right, line = px + 11, px + 11 + 6.8 * len(name), py + 4
        for a, b, other in sorted(written, key=lambda w: w[2]):
            if left < b and right > a and abs(other - line) < _LINE:
                line = other + _LINE
        written.append((left, right, line))
        words = svg.text(name, left, line, "label")
        parts.append(svg.tag("a", words, href=root + path_quote(p.page)) if p.page else words)
    return parts
