"""Values with their intervals, one line each: the interval plot of a task, the bias forest plot.

Each is drawn twice, for a wide page and for a phone, where a wide one would have to be pushed to
and fro; the style sheet shows one of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.show.plots import lettering, svg
from gdbench.leaderboard.words import typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, tick_text

WIDTH, NAMES, RIGHT, TOP, LINE = 860.0, 260.0, 70.0, 8.0, 20.0
_PHONE, _PHONE_NAMES = 310.0, 108.0
_AXIS = 40.0
_SIZE, _LARGE = 11.5, 13.0  # of the font; headings are bold


@dataclass(frozen=True)
class Line:
    """One model, or a heading where there is no estimate."""

    name: str
    family: str = "other"
    estimate: Estimate | None = None
    text: str = ""


def draw(
    lines: Sequence[Line],
    label: str,
    *,
    reference: float,
    unit: Unit,
    axis: str,
    note: str,
    difference: bool = False,
    width: float = WIDTH,
    names: float = NAMES,
) -> Markup:
    """The plot, `width` wide with `names` of it for the names, and the same for a phone.

    `reference` is chance or zero and gets a dashed line named `note`.
    `difference`: the values are differences of two in that unit.
    """
    ends = _ends(lines, reference, None if difference else unit.bounds)

    def plot(width: float, names: float, style: str) -> Markup:
        return _plot(lines, label, ends, reference, _Axis(unit, axis, note, difference),
                     width, names, style)  # fmt: skip

    return plot(width, names, "wide") + plot(_PHONE, _PHONE_NAMES, "narrow")


@dataclass(frozen=True)
class _Axis:
    unit: Unit
    name: str
    note: str
    difference: bool


def _ends(
    lines: Sequence[Line], reference: float, bounds: tuple[float, float] | None
) -> tuple[float, float]:
    """What the axis covers: every interval and a little more, inside the bounds of the unit."""
    shown = [e for one in lines if (e := one.estimate) is not None]
    ends = [b for e in shown for b in (*(e.bounds or ()), e.value)] + [reference]
    low, high = min(ends), max(ends)
    pad = 0.04 * (high - low or 1.0)
    low, high = low - pad, high + pad
    if bounds is not None:
        low, high = max(bounds[0], low), min(bounds[1], high)
    return low, high


def _plot(
    lines: Sequence[Line],
    label: str,
    ends: tuple[float, float],
    reference: float,
    axis: _Axis,
    width: float,
    names: float,
    style: str,
) -> Markup:
    low, high = ends
    labels = [
        lettering.wrapped(one.name, *((names - 16, _SIZE) if one.estimate else (width - 8, _LARGE)))
        for one in lines
    ]
    heights = [LINE + svg.LEADING * (len(name) - 1) for name in labels]
    bottom = TOP + sum(heights)
    x = svg.Scale(low, high, names, width - RIGHT)
    unit, parts = axis.unit, []
    about = max(2, min(6, int((width - RIGHT - names) / 44)))
    for tick in svg.round_ticks(unit.scale * low, unit.scale * high, about):
        px = x(tick / unit.scale)
        words = typeset(tick_text(tick, unit, difference=axis.difference))
        parts += [svg.line(px, TOP, px, bottom, "grid"),
                  svg.text(words, px, bottom + 16, "tick", "middle")]  # fmt: skip
    below = 16 if style == "narrow" else 32
    parts += [svg.line(x(reference), TOP, x(reference), bottom, "reference"),
              svg.text(axis.note, x(reference), bottom + 32, "axis", "middle"),
              svg.text(axis.name, 4, bottom + below, "axis")]  # fmt: skip
    for index, (one, name) in enumerate(zip(lines, labels, strict=True)):
        y = TOP + sum(heights[:index]) + heights[index] / 2
        if one.estimate is None:
            parts += svg.lines(name, 4, y, "heading")
            continue
        parts += svg.lines(name, names - 12, y, "name", "end")
        if one.estimate.bounds is not None:
            a, b = one.estimate.bounds
            parts.append(svg.line(x(a), y, x(b), y, "whisker"))
        parts.append(svg.mark(one.family, x(one.estimate.value), y))
        parts.append(svg.text(one.text, width - RIGHT + 12, y + 4, "value"))
    return svg.picture(width, bottom + _AXIS, label, *parts, style=style)
