"""The home page: one table for each pool."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.badges import BADGES, LOCAL, RANKED
from gdbench.leaderboard.board import Board, PoolBoard, Row
from gdbench.leaderboard.columns import Cell, aligned, columns
from gdbench.leaderboard.estimate import shown
from gdbench.leaderboard.families import FAMILIES
from gdbench.leaderboard.figures import cost_plot
from gdbench.leaderboard.paths import pool_key
from gdbench.leaderboard.render import Renderer
from gdbench.numbers import SHARE, value_text
from gdbench.tasks.base import Task

FIXED_COLUMNS = 2  # rank and model stand before all others
_SIZES = ((100e6, "s"), (1e9, "m"))


@dataclass(frozen=True)
class RowView:
    """One row of the table."""

    slug: str
    name: str
    revision: str
    rank: str
    family: str
    badge: str
    size: str
    style: str
    cells: tuple[Cell, ...]
    sort: str
    """Sort values of the cells, a space between them, `-` for missing (one attribute is short)."""
    url: str = ""
    """Outside page of a row that has none here."""


@dataclass(frozen=True)
class PoolView:
    """One table."""

    key: str
    title: str
    summary: str
    columns: tuple[object, ...]
    hidden: str
    chance: tuple[str, ...]
    rows: tuple[RowView, ...]
    plot: str | None
    tested: bool


def write(renderer: Renderer, board: Board, *more: PoolView) -> None:
    """Write `index.html`; `more` are tables beside those of the board."""
    views = [*(pool_view(pool, board.tasks) for pool in board.pools), *more]
    rows = [row for view in views for row in view.rows]
    renderer.page(
        "index.html",
        "home.html",
        title="Leaderboard",
        here="home",
        views=views,
        badges=BADGES,
        used_families=[name for name in FAMILIES if any(r.family == name for r in rows)],
        used_badges=[name for name in BADGES if any(r.badge == name for r in rows)],
    )


def pool_view(board: PoolBoard, tasks: tuple[Task, ...]) -> PoolView:
    """The table of a pool."""
    table = columns(board, tasks)
    hidden = [str(i) for i, c in enumerate(table, FIXED_COLUMNS + 1) if not c.shown]
    grid = aligned([[c.cell(row) for row in board.rows] for c in table])
    ranked = any(row.trust.badge in RANKED for row in board.rows)
    rows = [
        _row_view(row, cells, below=ranked and row.trust.badge not in (*RANKED, LOCAL))
        for row, cells in zip(board.rows, zip(*grid, strict=True), strict=True)
    ]
    chances = [c.chance for c in table if c.chance is not None]
    return PoolView(
        key=pool_key(board.pool),
        title=board.pool.title,
        summary=summary(board),
        columns=tuple(table),
        hidden=" ".join(hidden),
        chance=tuple(value_text(c.chance, c.unit) for c in table) if chances else (),
        rows=tuple(rows),
        plot=cost_plot(board),
        tested=board.tested,
    )


def summary(board: PoolBoard) -> str:
    """One sentence on who leads and how sure that is."""
    ranked = [r for r in board.rows if r.place is not None and r.score is not None]
    if not ranked:
        return ""
    first = ranked[0]
    assert first.score is not None  # noqa: S101 # filtered above
    lead = shown(first.score, SHARE)
    rivals = sum(r.place is not None and r.place.best == 1 for r in ranked) - 1
    text = f"{first.name} leads with {lead.text} {lead.margin}".rstrip()
    if rivals == 0:
        return f"{text}, and no other model could be first." if len(ranked) > 1 else f"{text}."
    who = "1 other model" if rivals == 1 else f"{rivals} other models"
    return f"{text}; {who} cannot be told apart from it."


def _row_view(row: Row, cells: tuple[Cell, ...], *, below: bool) -> RowView:
    """A row; `below` the evidence that ranks it is shown on demand, where others are ranked."""
    n = row.model.parameters
    size = "" if n is None else next((name for limit, name in _SIZES if n < limit), "l")
    return RowView(
        slug=row.slug,
        name=row.model.name,
        revision=row.model.revision,
        rank=row.place.text if row.place else "",
        family=row.model.family,
        badge=row.trust.badge,
        size=size,
        style="nr un"
        if below
        else "nr"
        if row.place is None
        else "ga"
        if row.place.group % 2
        else "gb",
        cells=cells,
        sort=" ".join(c.sort or "-" for c in cells),
    )
