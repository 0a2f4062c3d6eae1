"""A score on a line from 0 to 100 with its interval and chance, to stand in a cell."""

from __future__ import annotations

from markupsafe import Markup

from gdbench.leaderboard.show.plots import svg
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, interval_text, value_text

WIDTH, HEIGHT = 200.0, 18.0


def draw(estimate: Estimate, chance: float | None) -> Markup:
    """The plot."""
    x = svg.Scale(0.0, 1.0, 4.0, WIDTH - 4.0)
    y = HEIGHT / 2
    low, high = estimate.bounds or (estimate.value, estimate.value)
    words = f"{value_text(estimate.value, SHARE)}, {interval_text(low, high, SHARE)}"
    parts = [svg.line(x(0.0), y, x(1.0), y, "grid")]
    if chance is not None:
        words += f"; chance {value_text(chance, SHARE)}"
        parts.append(svg.line(x(chance), 1.0, x(chance), HEIGHT - 1, "reference"))
    parts += [
        svg.line(x(low), y, x(high), y, "whisker"),
        svg.tag("circle", cx=x(estimate.value), cy=y, r=4.0, class_="dot"),
    ]
    return svg.picture(WIDTH, HEIGHT, words, *parts)
