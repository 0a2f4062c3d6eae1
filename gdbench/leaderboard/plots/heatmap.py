"""Every sub-task of every model as one picture, shaded by the distance from chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.plots import svg

NAMES, TOP, WIDE, HIGH, GAP = 190.0, 130.0, 34.0, 22.0, 8.0


@dataclass(frozen=True)
class Square:
    """One metric of one model."""

    text: str
    style: str
    """Class `q0` to `q9`, as in the tables."""


@dataclass(frozen=True)
class Group:
    """The columns of one task."""

    title: str
    columns: tuple[str, ...]


def draw(
    names: Sequence[str], groups: Sequence[Group], squares: Sequence[Sequence[Square | None]]
) -> Markup:
    """The plot; `squares[i]` are those of model i over the columns of all groups in order."""
    parts = []
    xs: list[float] = []
    x = NAMES
    for group in groups:
        parts.append(
            svg.text(svg.cut(group.title, max(6, 5 * len(group.columns))), x, 12, "heading")
        )
        for column in group.columns:
            xs.append(x)
            place = f"translate({svg.number(x + WIDE / 2 + 4)} {TOP - 8:g}) rotate(-60)"
            words = svg.cut(column.replace("_", " "), 20)
            parts.append(svg.tag("text", words, class_="name", transform=place))
            x += WIDE
        x += GAP
    for index, (name, line) in enumerate(zip(names, squares, strict=True)):
        y = TOP + HIGH * index
        parts.append(svg.text(svg.cut(name, 26), NAMES - 10, y + 15, "name", "end"))
        for px, square in zip(xs, line, strict=True):
            if square is None:
                continue
            parts.append(
                svg.tag("rect", x=px, y=y, width=WIDE - 1, height=HIGH - 1, class_=square.style)
            )
            parts.append(svg.text(square.text, px + WIDE / 2, y + 15, "cell", "middle"))
    label = f"Scores of {len(names)} models on {len(xs)} sub-tasks, shaded by distance from chance"
    return svg.picture(x + 20, TOP + HIGH * len(names) + 4, label, *parts)
