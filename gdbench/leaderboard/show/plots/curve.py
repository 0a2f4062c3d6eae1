"""Errors of an item's candidates by timestep, less their mean: lower is a better match."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from markupsafe import Markup

from gdbench.leaderboard.judged.reading import Curve
from gdbench.leaderboard.show.plots import svg

WIDTH, HEIGHT = 320.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 6.0, 22.0


def draw(curve: Curve, gold: AbstractSet[int], shape: tuple[int, ...]) -> Markup:
    """The plot of an item with `shape` (images, texts); `gold` counts along the candidates."""
    values = curve.values
    peak = float(max(1, *(abs(v) for line in values for v in line)))
    steps = curve.timesteps
    x = svg.Scale(float(steps[0]), float(steps[-1]), LEFT, WIDTH - RIGHT)
    y = svg.Scale(-peak, peak, HEIGHT - BOTTOM, TOP)
    parts = [svg.line(LEFT, y(0.0), WIDTH - RIGHT, y(0.0), "reference")]
    for index in sorted(range(len(values)), key=lambda k: k in gold):
        points = [(x(float(t)), y(float(v))) for t, v in zip(steps, values[index], strict=True)]
        parts.append(svg.polyline(points, "right" if index in gold else "wrong"))
    parts += [
        svg.text(str(steps[0]), LEFT, HEIGHT - 6, "tick"),
        svg.text(f"timestep {steps[-1]}", WIDTH - RIGHT, HEIGHT - 6, "tick", "end"),
    ]
    words = f"error by timestep of {shape[0]} x {shape[1]} candidates, less their mean"
    return svg.picture(WIDTH, HEIGHT, words, *parts)
