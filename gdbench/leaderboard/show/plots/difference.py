"""A difference of two shares with its interval, small enough to stand beside a sentence."""

from __future__ import annotations

from markupsafe import Markup

from gdbench.leaderboard.show.plots import svg
from gdbench.leaderboard.words import typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, interval_text, value_text

WIDTH, HEIGHT = 180.0, 18.0


def draw(difference: Estimate, widest: float) -> Markup:
    """The plot, from -`widest` to `widest` around no difference; what is wider is cut."""
    x = svg.Scale(-widest, widest, 2.0, WIDTH - 2.0)
    y = HEIGHT / 2
    low, high = difference.bounds or (difference.value, difference.value)
    words = typeset(
        f"difference {value_text(difference.value, SHARE, difference=True)} points, "
        f"{interval_text(low, high, SHARE, difference=True)}"
    )
    return svg.picture(
        WIDTH,
        HEIGHT,
        words,
        svg.line(x(0.0), 0.0, x(0.0), HEIGHT, "reference"),
        svg.line(x(low), y, x(high), y, "whisker"),
        svg.tag("circle", cx=x(difference.value), cy=y, r=4.0, class_="dot"),
    )
