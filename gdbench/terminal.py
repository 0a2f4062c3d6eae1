"""What gdbench writes to a terminal: the only consoles of the package.

Captions, file names, model names and error texts are foreign. They are never read as markup, and
no control character in them reaches the terminal: it is shown escaped, as Python would write it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import TextIOWrapper
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

_STDERR = 2  # its file descriptor
_FEWEST = 10  # characters in a line of a folded cell
_NARROW = 50  # columns of a terminal below which indents are small
# Control characters, line and paragraph separators, marks that turn the direction of writing, and
# halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean(text: str) -> str:
    r"""The text on one line, with every character a terminal would obey as its escape (`\x1b`)."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def width_of(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return cell_len(text)


class _Terminal(Console):
    """A console that shows texts as they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)
        # rich would keep the COLUMNS of the moment of its making; it is read when it is needed
        self._width: int | None = options.get("width")

    @property
    def encoding(self) -> str:
        """Bars are drawn with what it has; Python writes UTF-8 even where the locale is C."""
        locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG")
        return "ascii" if locale in {"C", "POSIX"} else super().encoding

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string comes by here: printed, in a cell, a header or a title."""
        return super().render_str(
            clean(text), **options | {"markup": False, "highlight": False, "emoji": False}
        )


class Table(RichTable):
    """A table without lines; its texts are shown as they are.

    A number (a column with justify="right") is never cut or folded, a text may be folded.
    `show` says what happens where a terminal is too narrow for that.
    """

    def __init__(self, *headers: str, title: str | None = None, show_header: bool = True) -> None:
        super().__init__(
            *headers, box=None, pad_edge=False, header_style="bold", show_header=show_header,
            title=title, title_justify="left",
        )  # fmt: skip

    def add_column(self, header: Any = "", footer: Any = "", **options: Any) -> None:
        """A column; options as in rich."""
        whole = {"no_wrap": True} if options.get("justify") == "right" else {"overflow": "fold"}
        super().add_column(header, footer, **whole | options)

    def widths(self) -> tuple[int, int]:
        """Characters that it needs: at least, and with nothing folded."""
        natural = Measurement.get(stdout, stdout.options.update(width=10_000), self).maximum
        foldable = 0
        for column in self.columns:
            longest = max(cell_len(clean(str(c))) for c in (column.header, *column.cells))
            if not column.no_wrap:
                foldable += max(0, min(longest, column.max_width or longest) - _FEWEST)
        return natural - foldable, natural


stdout = _Terminal()
notes = _Terminal(stderr=True)
_errors = _Terminal(stderr=True)


def line(text: str = "") -> None:
    """One line of an answer, on standard output; it is not folded."""
    stdout.print(text, soft_wrap=True)


def note(text: str) -> None:
    """One line about what goes on, on standard error; not with --quiet."""
    notes.print(text, soft_wrap=True)


def error(text: str) -> None:
    """One line about what went wrong, on standard error."""
    # The console of the bars knows how to write above them.
    (_errors if notes.quiet else notes).print(text, soft_wrap=True)


def paragraph(text: str, *, first: str = "", indent: int = 0) -> None:
    """A text on standard output after `first`, folded between words; a file has it on one line.

    Further lines begin at `indent`, on a narrow terminal at most at 2.
    """
    whole = first + clean(text)
    if not (stdout.is_terminal or "COLUMNS" in os.environ):
        line(whole)
        return
    width = max(_FEWEST, stdout.width)
    margin = " " * (indent if width >= _NARROW else min(indent, 2))
    folded = textwrap.wrap(
        whole, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )
    for part in folded:
        line(part)


def show(table: Table) -> None:
    """A table, on standard output: as wide as the terminal; a file has a line for each row.

    Where even the numbers do not fit side by side, columns come closer, and then each row becomes
    lines of its own, a line for each cell.
    """
    least, natural = table.widths()
    asked = stdout.width if stdout.is_terminal or "COLUMNS" in os.environ else natural
    if asked < least:
        table.padding = (0, 1, 0, 0)
        least, _ = table.widths()
    if asked < least:
        _stack(table)
    else:
        _Terminal(width=asked).print(table)


def _stack(table: Table) -> None:
    """Each row as its first cell, and below it the others behind their headers."""
    if table.title is not None:
        paragraph(str(table.title))
    headers = [clean(str(column.header)) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = (clean(str(cell)) for cell in row)
        paragraph(first)
        for header, cell in zip(headers[1:], others, strict=True):
            if cell:
                name = f"{header} " if table.show_header and header else ""
                paragraph(cell, first=f"  {name}", indent=4)


@contextmanager
def kept_for_the_answer() -> Iterator[None]:
    """Send to standard error what a block writes to standard output: models print, too.

    Covered are Python, C code and child processes, by the file descriptor. What a thread or an
    exit handler prints after the block is not. A block that closes its standard streams, or puts
    others in their place, leaves those of gdbench alone.
    """
    sys.stdout.flush()
    with _streams_lent(), redirect_stdout(sys.stderr):
        try:
            kept = os.dup(1), os.dup(2)
            os.dup2(2, 1)
        except OSError:
            # one of the two is closed: there is nothing to keep apart
            yield
            return
        try:
            yield
        finally:
            with suppress(OSError, AttributeError, TypeError, ValueError):
                if sys.__stdout__ is not None:
                    sys.__stdout__.flush()
                # what C code has printed and not yet written
                ctypes.CDLL(None).fflush(None)
            for number, copy in enumerate(kept, 1):
                os.dup2(copy, number)
                os.close(copy)


class _Lent(TextIOWrapper):
    """A stream that its borrower cannot close."""

    def close(self) -> None:
        """Write what is left."""
        with suppress(OSError, ValueError):
            self.flush()


@contextmanager
def _streams_lent() -> Iterator[None]:
    """Give a block a standard error of its own, and the consoles another."""
    copies = []
    # in a notebook or a test it is no file
    with suppress(OSError, AttributeError, ValueError):
        if sys.stderr.fileno() == _STDERR:
            copies = [os.fdopen(os.dup(_STDERR), "wb") for _ in range(2)]
    if not copies:
        yield
        return
    form: Any = {
        "encoding": sys.stderr.encoding, "errors": "backslashreplace", "line_buffering": True
    }  # fmt: skip
    told, lent = TextIOWrapper(copies[0], **form), _Lent(copies[1], **form)
    consoles = (notes, _errors)
    try:
        for console in consoles:
            console.file = told
        with redirect_stderr(lent):
            yield
    finally:
        for console in consoles:
            # again that of the moment
            console._file = None  # noqa: SLF001 # the property takes no None
        lent.close()
        # it stays open: it may be kept by what was imported in the block, such as handlers of a log
        with suppress(OSError):
            told.close()


class _Log(logging.Handler):
    """Records of the log as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        error(self.format(record))


def speak(*, verbose: bool = False, quiet: bool = False) -> None:
    """How much is said on standard error. Errors always are; answers are never held back."""
    notes.quiet = quiet
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter the encoding lacks is escaped
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("gdbench")
    logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    if not any(isinstance(handler, _Log) for handler in logger.handlers):
        logger.addHandler(_Log())


def is_verbose() -> bool:
    """Whether --verbose was given."""
    return logging.getLogger("gdbench").level == logging.DEBUG
