"""One table of texts, and how it is written for a terminal, a notebook, a page and a paper."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.terminal import clean, width_of

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_MARKDOWN = re.compile(r"([\\|`*_<>\[\]])")


@dataclass(frozen=True)
class TextTable:
    """Rows of texts under headers; the first `n_names` columns are names, the others numbers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_names: int = 1

    def _lines(self) -> list[tuple[str, ...]]:
        """Headers and rows, without control characters."""
        return [tuple(map(clean, row)) for row in (self.headers, *self.rows)]

    def text(self) -> str:
        """For a terminal: columns of equal width, numbers on the right."""
        lines = self._lines()
        widths = [max(map(width_of, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                _padded(cell, width, left=place < self.n_names)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in lines
        )

    def markdown(self) -> str:
        """A table of GitHub's Markdown."""
        head, *body = [[_MARKDOWN.sub(r"\\\1", cell) for cell in row] for row in self._lines()]
        rule = [":--" if place < self.n_names else "--:" for place in range(len(head))]
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))

    def latex(self) -> str:
        r"""A `tabular` for a paper; needs `\usepackage{booktabs}`."""
        head, *body = [[_latex(cell) for cell in row] for row in self._lines()]
        columns = "l" * self.n_names + "r" * (len(head) - self.n_names)
        rows = [f"{' & '.join(row)} \\\\" for row in (head, *body)]
        return "\n".join(
            (
                f"\\begin{{tabular}}{{{columns}}}", "\\toprule", rows[0], "\\midrule", *rows[1:],
                "\\bottomrule", "\\end{tabular}",
            )
        )  # fmt: skip

    def html(self) -> str:
        """For a notebook."""
        head, *body = self._lines()
        lines = [_html(head, "th", self.n_names), *(_html(row, "td", self.n_names) for row in body)]
        return "\n".join(("<table>", *lines, "</table>"))

    def csv(self) -> str:
        """Comma-separated values, as RFC 4180 has them but for the line ends."""
        sink = io.StringIO()
        csv.writer(sink, lineterminator="\n").writerows(self._lines())
        return sink.getvalue().rstrip("\n")


def _padded(text: str, width: int, *, left: bool) -> str:
    fill = " " * (width - width_of(text))
    return text + fill if left else fill + text


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _html(cells: Sequence[str], tag: str, n_names: int) -> str:
    made = (
        f'<{tag} style="text-align:{"left" if place < n_names else "right"}">'
        f"{html.escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(made)}</tr>"
