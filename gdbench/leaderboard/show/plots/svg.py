"""SVG elements with everything escaped, numbers short, and axes with round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from gdbench.leaderboard.show.families import FAMILIES
from gdbench.leaderboard.words import clean

LEADING = 13.0  # between the lines of a name


def number(value: float) -> str:
    """At most one decimal, none where it is zero."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """An element; `class_` and `stroke_width` become `class` and `stroke-width`."""
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            text = number(value) if isinstance(value, float) else str(clean(value))
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    inner = Markup("").join(escape(clean(c)) for c in children)
    if not inner:
        return Markup(f"<{' '.join(parts)}/>")  # noqa: S704 # names are ours, values are escaped
    return Markup(f"<{' '.join(parts)}>{inner}</{name}>")  # noqa: S704 # same


def text(words: str, x: float, y: float, style: str = "", anchor: str | None = None) -> Markup:
    """A line of text."""
    return tag("text", words, x=x, y=y, class_=style or None, text_anchor=anchor)


def lines(
    words: Sequence[str], x: float, y: float, style: str = "", anchor: str | None = None
) -> list[Markup]:
    """Lines of text below each other, around the height of a mark at `y`."""
    first = y + 4 - LEADING * (len(words) - 1) / 2
    return [text(line, x, first + LEADING * k, style, anchor) for k, line in enumerate(words)]


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)


def mark(family: str, x: float, y: float, title: str = "") -> Markup:
    """The mark of a family with its centre at (x, y); the page holds the shapes (`marks()`)."""
    inner = [tag("title", title)] if title else []
    name = f"#mk-{FAMILIES[family].mark}"
    return tag("use", *inner, href=name, x=x - 6, y=y - 6, class_=f"f-{family}")


def picture(
    width: float, height: float, label: str, *children: str, role: str = "img", style: str = ""
) -> Markup:
    """The whole plot; `label` says what is to be seen; one with links in it is a `group`."""
    return tag(
        "svg", *children, viewBox=f"0 0 {number(width)} {number(height)}", role=role,
        aria_label=label, class_=f"plot {style}".strip(),
        width=number(width), height=number(height),
    )  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixel of a value, held inside the plot."""
        low, high, v = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, v = math.log(low), math.log(high), math.log(v)
        share = (v - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Ticks at 1, 2 or 5 times a power of ten."""
    span = (high - low) / max(about, 1)
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten inside, or 1-2-5 steps where there are fewer than three."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    tens = [10.0**p for p in powers if low <= 10.0**p <= high]
    if len(tens) >= 3:  # noqa: PLR2004 # enough to read the axis
        return tens
    return [v for p in powers for m in (1, 2, 5) if low <= (v := m * 10.0**p) <= high]


def polyline(points: Sequence[tuple[float, float]], style: str) -> Markup:
    """A line through points."""
    return tag(
        "polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), class_=style
    )
