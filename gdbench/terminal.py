"""What gdbench writes to a terminal: the only consoles of the package.

Captions, file names, model names and error texts are foreign. They are never read as markup, and
no control character in them reaches the terminal: it is shown escaped, as Python would write it.
"""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

# Control characters, line and paragraph separators, marks that turn the direction of writing, and
# halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean(text: str) -> str:
    r"""The text on one line, with every character a terminal would obey as its escape (`\x1b`)."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


class _Terminal(Console):
    """A console that shows texts as they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string comes by here: printed, in a cell, a header or a title."""
        return super().render_str(
            clean(text), **options | {"markup": False, "highlight": False, "emoji": False}
        )


class Table(RichTable):
    """A table without lines; its texts are shown as they are."""

    def __init__(self, *headers: str, title: str | None = None, show_header: bool = True) -> None:
        super().__init__(
            *headers, box=None, pad_edge=False, header_style="bold", show_header=show_header,
            title=title, title_justify="left",
        )  # fmt: skip


stdout = _Terminal()
stderr = _Terminal(stderr=True)


def line(text: str = "") -> None:
    """One line of an answer, on standard output; it is not folded."""
    stdout.print(text, soft_wrap=True)


def note(text: str) -> None:
    """One line about what goes on, on standard error."""
    stderr.print(text, soft_wrap=True)


def error(text: str) -> None:
    """One line about what went wrong, on standard error."""
    stderr.print(text, soft_wrap=True)


def show(table: Table) -> None:
    """A table, on standard output. A line that is too long is better than a number cut short."""
    least = Measurement.get(stdout, stdout.options.update(width=10_000), table).minimum
    console = stdout if least <= stdout.width else _Terminal(width=least)
    console.print(table)
