"""What was measured with this harness: a page for each pool, and the list of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gdbench.leaderboard.judged.board import Board, PoolBoard, Row
from gdbench.leaderboard.judged.trust import BADGES, LOCAL, RANKED
from gdbench.leaderboard.show.columns import Cell, columns
from gdbench.leaderboard.show.estimate import Shown, shown
from gdbench.leaderboard.show.families import FAMILIES
from gdbench.leaderboard.show.figures import cost_plot
from gdbench.leaderboard.show.paths import measured_page, model_page, numbered, pager, pool_key
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words
from gdbench.numbers import SHARE, value_text
from gdbench.tasks.base import Task

FIXED_COLUMNS = 2  # rank and model stand before all others
TOP = 5
PAGE = 200
"""Rows on one page."""
_SIZES = ((100e6, "s"), (1e9, "m"))


@dataclass(frozen=True)
class RowView:
    """One row of the table."""

    slug: str
    name: str
    rank: str
    family: str
    badge: str
    size: str
    style: str
    cells: tuple[Cell, ...]
    sort: str
    """Sort values of the cells, a space between them, `-` for missing (one attribute is short)."""
    variant: bool
    """Whether it is a variant of the row above, folded at first."""
    compared: bool
    """Whether it can be ticked for a comparison."""


@dataclass(frozen=True)
class SuiteView:
    """A pool on the first page and in the list."""

    key: str
    title: str
    about: str
    page: str
    n_models: int
    summary: str
    ranked: bool
    top: tuple[tuple[str, str, Shown | None], ...]
    """Label, page and score of the first models that are ranked, or of all where none is."""


@dataclass(frozen=True)
class PoolView:
    """One table."""

    key: str
    title: str
    about: str
    summary: str
    columns: tuple[object, ...]
    hidden: str
    chance: tuple[str, ...]
    rows: tuple[RowView, ...]
    plot: str | None
    tested: bool
    pairs: str
    """Which pairs of rows have a page: `all`, or the number of neighbours that each has."""

    @property
    def n_models(self) -> int:
        """Rows that are models of their own."""
        return sum(not r.variant for r in self.rows)


def write(renderer: Renderer, board: Board) -> None:
    """Write `measured/index.html` and `measured/<pool>.html` for each pool."""
    found = suites(board)
    renderer.page(
        "measured/index.html", "suites.html", title="Measured", here="measured", suites=found
    )
    for pool in board.pools:
        view = pool_view(pool, board.tasks)
        pages = _pages(view.rows)
        path = measured_page(pool.pool)
        for number, rows in enumerate(pages, 1):
            renderer.page(
                numbered(path, number),
                "measured.html",
                title=view.title,
                here="measured",
                view=replace(view, rows=rows),
                n_models=view.n_models,
                suites=found,
                badges=BADGES,
                used_families=[f for f in FAMILIES if any(r.family == f for r in view.rows)],
                used_badges=[b for b in BADGES if any(r.badge == b for r in view.rows)],
                pages=pager(path, number, len(pages)),
                parts=_part(path),
            )
            if len(pages) > 1:
                html = renderer.text(path, "rows.html", rows=rows)
                script = f"gdbench.rows({number}, {json.dumps(html)});\n"
                renderer.tree.add(f"{_part(path)}{number}.js", script)


def _part(path: str) -> str:
    """What the scripts with the rows of a table's pages are called, without their number.

    Sorting and filters of one page take them to look at all rows.
    """
    return path.removesuffix(".html") + ".rows-"


def _pages(rows: Sequence[RowView]) -> list[tuple[RowView, ...]]:
    """Rows in pages of `PAGE`; a variant stays with its model."""
    pages: list[list[RowView]] = [[]]
    for row in rows:
        if len(pages[-1]) >= PAGE and not row.variant:
            pages.append([])
        pages[-1].append(row)
    return [tuple(page) for page in pages]


def suites(board: Board) -> tuple[SuiteView, ...]:
    """The pools, each in a few lines."""
    return tuple(
        SuiteView(
            key=pool_key(pool.pool),
            title=pool.pool.title,
            about=suite_words(pool.pool.suite).about,
            page=measured_page(pool.pool),
            n_models=sum(not row.variant_of for row in pool.rows),
            summary=summary(pool),
            ranked=any(row.place for row in pool.rows),
            top=tuple(
                (row.label, model_page(row.slug), shown(row.score, SHARE) if row.score else None)
                for row in _top(pool.rows)
            ),
        )
        for pool in board.pools
    )


def _top(rows: Sequence[Row]) -> Sequence[Row]:
    ranked = [row for row in rows if row.place is not None]
    return (ranked or [row for row in rows if not row.variant_of])[:TOP]


def pool_view(board: PoolBoard, tasks: tuple[Task, ...]) -> PoolView:
    """The table of a pool."""
    drawn = [(c, [c.cell(row) for row in board.rows]) for c in columns(board, tasks)]
    kept = [(c, cells) for c, cells in drawn if any(cell.text for cell in cells)]
    table, grid = [c for c, _ in kept], [cells for _, cells in kept]
    hidden = [str(i) for i, c in enumerate(table, FIXED_COLUMNS + 1) if not c.shown]
    ranked = any(row.place is not None for row in board.rows)
    compared = {name for pair in board.compared for name in (pair.first, pair.second)}
    rows = [
        _row_view(row, cells, below=ranked and row.trust.badge not in (*RANKED, LOCAL),
                  compared=row.name in compared)
        for row, cells in zip(board.rows, zip(*grid, strict=True), strict=True)
    ]  # fmt: skip
    chances = [c.chance for c in table if c.chance is not None]
    words = suite_words(board.pool.suite)
    return PoolView(
        key=pool_key(board.pool),
        title=board.pool.title,
        about=words.about,
        summary=summary(board),
        columns=tuple(table),
        hidden=" ".join(hidden),
        chance=tuple(value_text(c.chance, c.unit) for c in table) if chances else (),
        rows=tuple(rows),
        plot=cost_plot(board),
        tested=board.tested,
        pairs="all" if board.neighbours is None else str(board.neighbours),
    )


def summary(board: PoolBoard) -> str:
    """One sentence on who leads and how sure that is."""
    ranked = [r for r in board.rows if r.place is not None and r.score is not None]
    if not ranked:
        return ""
    first = ranked[0]
    assert first.score is not None  # noqa: S101 # filtered above
    lead = shown(first.score, SHARE)
    text = f"{first.label} is ahead with {lead.text} points"
    text += f" ({lead.interval})" if lead.interval else ""
    rivals = [r.label for r in ranked[1:] if r.place is not None and r.place.best == 1]
    if not rivals:
        return f"{text}; no other model could be first." if len(ranked) > 1 else f"{text}."
    if len(rivals) > 2:  # noqa: PLR2004 # more names than fit a sentence
        return f"{text}; {len(rivals)} others could be first as well."
    return f"{text}; {' and '.join(rivals)} could be first as well."


def _row_view(row: Row, cells: tuple[Cell, ...], *, below: bool, compared: bool) -> RowView:
    """A row; `below` the evidence that ranks it is shown on demand, where others are ranked."""
    n = row.model.parameters
    size = "" if n is None else next((name for limit, name in _SIZES if n < limit), "l")
    return RowView(
        slug=row.slug,
        name=row.label,
        rank=row.place.text if row.place else "",
        family=row.model.family,
        badge=row.trust.badge,
        size=size,
        style=_style(row, below=below),
        cells=cells,
        sort=" ".join(c.sort or "-" for c in cells),
        variant=bool(row.variant_of),
        compared=compared,
    )


def _style(row: Row, *, below: bool) -> str:
    variant = " var" if row.variant_of else ""
    if row.place is None:
        return f"nr{' un' if below else ''}{variant}"
    return f"{'ga' if row.place.group % 2 else 'gb'}{variant}"
