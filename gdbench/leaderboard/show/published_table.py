"""The first table: one row a model, the best documented number in each cell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from gdbench.leaderboard.judged.published import (
    Cited,
    Collection,
    Measured,
    PublishedModel,
    groups_of,
)
from gdbench.leaderboard.show.columns import shade
from gdbench.leaderboard.words import DASH, typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, interval_text, value_text


@dataclass(frozen=True)
class Head:
    """One column."""

    key: str
    label: str
    title: str
    first: bool
    """Whether its task begins here."""


@dataclass(frozen=True)
class Group:
    """The columns of one task."""

    title: str
    task: str
    span: int


@dataclass(frozen=True)
class Cell:
    """One number."""

    text: str = ""
    interval: str = ""
    note: str = ""
    """What differs from the rest of the row, in a word."""
    anchor: str = ""
    """Where its sources stand on the model's page."""
    style: str = ""
    sort: str = "-"


@dataclass(frozen=True)
class Row:
    """One model."""

    name: str
    full_name: str
    slug: str
    family: str
    cost: str
    cost_sort: str
    cells: tuple[Cell, ...]
    variant: bool
    """Whether it is a further training of a model above it, folded at first."""

    @property
    def sort(self) -> str:
        """Sort values of all cells after the name."""
        return " ".join([self.cost_sort, *(c.sort for c in self.cells)])


@dataclass(frozen=True)
class Table:
    """The table."""

    groups: tuple[Group, ...]
    heads: tuple[Head, ...]
    chance: tuple[str, ...]
    human: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def n_variants(self) -> int:
        """Rows that are folded at first."""
        return sum(r.variant for r in self.rows)


def table(collection: Collection) -> Table | None:
    """The table; None without any number."""
    shown = collection.shown
    if not shown:
        return None
    groups = [
        Group(task.title, task.name, len(list(found)))
        for task, found in groupby(shown, key=lambda m: m.task)
    ]
    heads = tuple(
        Head(f"{m.task.name}.{m.metric}", _label(m), m.title, i == 0 or shown[i - 1].task != m.task)
        for i, m in enumerate(shown)
    )
    lead = collection.headline
    kept = {m.slug for m in lead} if lead else set()
    known = {m.name for m in collection.models}
    return Table(
        tuple(groups),
        heads,
        tuple(value_text(m.chance, m.unit) for m in shown),
        tuple(value_text(m.human, m.unit) for m in shown),
        tuple(
            _row(m, shown, variant=m.slug not in kept and m.name.partition(" + ")[0] in
                 known - {m.name})
            for m in collection.models
            if any(m.best(x.key) for x in shown)
        ),
    )  # fmt: skip


def _label(measure: Measured) -> str:
    pair = groups_of(measure.task, measure.metric)
    if pair is None:
        return "score" if measure.title == measure.task.title else measure.label
    named = [g.upper() if g == "lgbt" else g.capitalize() for g in (pair.first, pair.second)]
    return f" {DASH} ".join(named)


def _row(model: PublishedModel, shown: tuple[Measured, ...], *, variant: bool) -> Row:
    steps = model.steps or 0
    cost = f"{steps:,} a pair" if steps else "not said"
    if model.family == "contrastive":
        cost = "1 a picture, 1 a text"
    return Row(
        model.name,
        model.full_name,
        model.slug,
        model.family,
        cost,
        "1" if model.family == "contrastive" else str(steps) if steps else "-",
        tuple(_cell(model.best(m.key), m, steps) for m in shown),
        variant,
    )


def anchor_of(task: str, metric: str) -> str:
    """A cell's place on the page of its model."""
    return f"{task}-{metric}"


def _cell(cited: Cited | None, measure: Measured, steps: int) -> Cell:
    if cited is None:
        return Cell()
    e, unit = cited.estimate, measure.unit
    style = shade(e, measure.chance) if unit == SHARE and e.bounds else ""
    other = cited.steps if cited.steps != steps else None
    return Cell(
        typeset(value_text(e.value, unit)),
        compact(e),
        f"{other} steps" if other else "",
        anchor_of(*cited.key),
        style,
        str(round(e.value * 10_000)),
    )


def compact(e: Estimate) -> str:
    """Both ends in whole points: the full interval stands with the sources."""
    if e.bounds is None:
        return ""
    return interval_text(*e.bounds, SHARE, places=0, between=DASH)
