"""Numbers that others have published, in a table of their own: never ranked with measured ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gdbench.data.published import Figure, Source, published_sources
from gdbench.leaderboard.badges import PUBLISHED
from gdbench.leaderboard.columns import Cell, Column
from gdbench.leaderboard.estimate import typeset
from gdbench.leaderboard.pages.home import PoolView, RowView
from gdbench.numbers import Unit, value_text
from gdbench.tasks.base import Task

KEY = "reported"
_EFFECT_PAIRS = ("christian_muslim", "american_arab", "heterosexual_lgbt")


@dataclass(frozen=True)
class _Row:
    """One model of one source."""

    model: str
    source: Source
    figures: dict[tuple[str, str], Figure]


Maker = Callable[[_Row], Cell]


def family_of(model: str) -> str:
    """The family that a model's name in words says."""
    name = model.lower()
    if "clip" in name:
        return "contrastive"
    if "diffusion 3" in name:
        return "diffusion-transformer"
    return "diffusion-unet" if "diffusion" in name else "other"


def view(tasks: Sequence[Task]) -> PoolView | None:
    """The table of published numbers; None where there are none."""
    rows = _rows(published_sources())
    if not rows:
        return None
    shown = _columns(tasks, rows)
    return PoolView(
        key=KEY,
        title="Reported",
        summary="Published numbers, as printed by their sources: other items, budgets and tie "
        "rules than the measured ones, so they have no rank here. The number below each "
        "is its n, where it is known.",
        columns=tuple(c for c, _ in shown),
        hidden="1",  # no ranks
        chance=(),
        rows=tuple(_view(row, [make for _, make in shown]) for row in rows),
        plot=None,
        tested=False,
    )


@dataclass(frozen=True)
class TaskTable:
    """What is published on one task."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[Cell, ...]], ...]
    """Model, source in words, its address, cells."""


def of_task(task: Task) -> TaskTable | None:
    """All published numbers of a task; None where there are none."""
    rows = [r for r in _rows(published_sources()) if any(t == task.name for t, _ in r.figures)]
    measures = [m for m in task.measures if any((task.name, m.name) in row.figures for row in rows)]
    names = [m.name for m in measures]
    if not names:
        return None
    makers = [_Number(task.name, m.name, m.unit) for m in measures]
    return TaskTable(
        tuple(names),
        tuple(
            (row.model, _source(row).text, row.source.url, tuple(make(row) for make in makers))
            for row in rows
            if any((task.name, name) in row.figures for name in names)
        ),
    )


def _rows(sources: Sequence[Source]) -> list[_Row]:
    found: dict[tuple[int, str], _Row] = {}
    for number, source in enumerate(sources):
        for figure in source.figures:
            row = found.setdefault((number, figure.model), _Row(figure.model, source, {}))
            row.figures[figure.task, figure.metric] = figure
    return sorted(found.values(), key=lambda r: (r.model, r.source.source, r.source.settings))


class _Number:
    """Makes the cell of one metric."""

    def __init__(self, task: str, metric: str, unit: Unit) -> None:
        self.key, self.unit = (task, metric), unit

    def __call__(self, row: _Row) -> Cell:
        figure = row.figures.get(self.key)
        if figure is None:
            return Cell()
        text = typeset(value_text(figure.value, self.unit))
        n = "" if figure.n is None else f"n {figure.n:,}"
        return Cell(text, n, sort=f"{figure.value:.4g}")


def _columns(tasks: Sequence[Task], rows: Sequence[_Row]) -> list[tuple[Column, Maker]]:
    present = {key for row in rows for key in row.figures}
    shown: list[tuple[Column, Maker]] = [
        (_column("source", "Source and settings", numeric=False), _source)
    ]
    for task in tasks:
        for measure in task.measures:
            key = (task.name, measure.name)
            if key not in present:
                continue
            if measure.name not in (task.primary or _EFFECT_PAIRS):
                continue  # the task's page has it
            column = _column(
                f"{task.name}.{measure.name}", measure.name.replace("_", " "), task.title
            )
            shown.append((column, _Number(*key, measure.unit)))
    shown.append((_column("year", "Year"), _year))
    return shown


def _column(key: str, label: str, group: str = "", *, numeric: bool = True) -> Column:
    return Column(key, label, lambda _: Cell(), group, numeric=numeric, down=numeric)


def _source(row: _Row) -> Cell:
    quoted = "quoted by a third party; " if row.source.quoted else ""
    return Cell(f"{row.source.source}. {quoted}{row.source.settings}", style="t src")


def _year(row: _Row) -> Cell:
    text = "" if row.source.year is None else str(row.source.year)
    return Cell(text, sort=text)


def _view(row: _Row, makers: Sequence[Maker]) -> RowView:
    cells = tuple(make(row) for make in makers)
    return RowView(
        slug="",
        name=row.model,
        revision="",
        rank="",
        family=family_of(row.model),
        badge=PUBLISHED,
        size="",
        style="nr",
        cells=cells,
        sort=" ".join(c.sort or "-" for c in cells),
        url=row.source.url,
    )
