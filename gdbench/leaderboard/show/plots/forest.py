"""Values with their intervals, one line each: the interval plot of a task, the bias forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gdbench.leaderboard.show.plots import lettering, svg
from gdbench.leaderboard.words import typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import Unit, tick_text

WIDTH, NAMES, RIGHT, TOP, LINE = 860.0, 260.0, 70.0, 8.0, 20.0
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
    """The plot, `width` wide with `names` of it for the names.

    `reference` is chance or zero and gets a dashed line named `note`.
    `difference`: the values are differences of two in that unit.
    """
    shown = [e for one in lines if (e := one.estimate) is not None]
    ends = [b for e in shown for b in (*(e.bounds or ()), e.value)] + [reference]
    low, high = min(ends), max(ends)
    pad = 0.04 * (high - low or 1.0)
    low, high = low - pad, high + pad
    if unit.bounds is not None and not difference:
        low, high = max(unit.bounds[0], low), min(unit.bounds[1], high)
    labels = [
        lettering.wrapped(one.name, *((names - 16, _SIZE) if one.estimate else (width - 8, _LARGE)))
        for one in lines
    ]
    heights = [LINE + svg.LEADING * (len(name) - 1) for name in labels]
    bottom = TOP + sum(heights)
    x = svg.Scale(low, high, names, width - RIGHT)
    parts = []
    for tick in svg.round_ticks(unit.scale * low, unit.scale * high, 6):
        px = x(tick / unit.scale)
        words = typeset(tick_text(tick, unit, difference=difference))
        parts += [svg.line(px, TOP, px, bottom, "grid"),
                  svg.text(words, px, bottom + 16, "tick", "middle")]  # fmt: skip
    parts += [svg.line(x(reference), TOP, x(reference), bottom, "reference"),
              svg.text(note, x(reference), bottom + 32, "axis", "middle"),
              svg.text(axis, 4, bottom + 32, "axis")]  # fmt: skip
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
    return svg.picture(width, bottom + _AXIS, label, *parts)
