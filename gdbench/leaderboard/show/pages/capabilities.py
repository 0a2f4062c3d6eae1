"""Capabilities of all models: one table of the published numbers, one of each pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judge.capabilities import (
    CAPABILITIES,
    Capability,
    Key,
    Reader,
    Value,
    capability,
    words_of,
)
from gdbench.leaderboard.judge.published.collection import Collection
from gdbench.leaderboard.judge.published.figures import PublishedModel
from gdbench.leaderboard.judge.published.measures import metric_words
from gdbench.leaderboard.judged.board import Board, PoolBoard, Row
from gdbench.leaderboard.show.paths import measured_page, model_page, pool_key, published_page
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words
from gdbench.leaderboard.words import typeset
from gdbench.metrics.estimate import Estimate, of_metric
from gdbench.numbers import SHARE, interval_text, value_text
from gdbench.tasks.base import Task

MOST_ROWS = 60
_SHADES = 9


@dataclass(frozen=True)
class Cell:
    """One value."""

    text: str = ""
    interval: str = ""
    part: str = ""
    """How many of the sub-tasks it rests on, where not on all."""
    style: str = ""


@dataclass(frozen=True)
class Line:
    """One model."""

    name: str
    page: str
    family: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Feed:
    """A capability and what feeds it in one table."""

    name: str
    about: str
    subtasks: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """One table."""

    key: str
    title: str
    about: str
    page: str
    feeds: tuple[Feed, ...]
    lines: tuple[Line, ...]
    more: int


def write(renderer: Renderer, board: Board, collection: Collection) -> None:
    """Write `capabilities/index.html`."""
    tasks = {t.name: t for t in board.tasks}
    views = [_published(collection, tasks), *(_pool(pool, tasks) for pool in board.pools)]
    renderer.page(
        "capabilities/index.html", "capabilities.html", title="Capabilities", here="capabilities",
        views=[v for v in views if v.lines and v.feeds],
    )  # fmt: skip


def _view(
    key: str,
    titles: tuple[str, str, str],
    models: Sequence[tuple[str, str, str, Reader]],
    tasks: dict[str, Task],
) -> View:
    """A table of models, each with a name, a page, a family, and what reads its numbers."""
    present = [k for c in CAPABILITIES for k in c.feeds if any(m[3](k) for m in models)]
    kept = [c for c in CAPABILITIES if any(k in present for k in c.feeds)]
    lines = [
        Line(name, page, family, tuple(_cell(capability(c, read, present)) for c in kept))
        for name, page, family, read in models[:MOST_ROWS]
    ]
    title, about, page = titles
    return View(
        key, title, about, page, tuple(_feed(c, present, tasks) for c in kept),
        tuple(line for line in lines if any(c.text for c in line.cells)),
        max(0, len(models) - MOST_ROWS),
    )  # fmt: skip


def _feed(which: Capability, present: Sequence[Key], tasks: dict[str, Task]) -> Feed:
    return Feed(
        which.name,
        which.about,
        tuple(words_of(k, tasks, metric_words) for k in which.feeds if k in present),
    )


def _cell(value: Value | None) -> Cell:
    if value is None:
        return Cell()
    e = value.estimate
    reaches = e.bounds is not None and e.bounds[0] <= 0
    shade = min(max(round(e.value * _SHADES), 1), _SHADES)
    ends = "" if e.bounds is None else interval_text(*e.bounds, SHARE, places=0, between=" to ")
    return Cell(
        typeset(value_text(e.value, SHARE, places=0)),
        typeset(ends),
        "" if value.n == value.of else f"{value.n} of {value.of}",
        "q0" if e.value <= 0 or reaches else f"q{shade}",
    )


def _pool(board: PoolBoard, tasks: dict[str, Task]) -> View:
    words = suite_words(board.pool.suite)
    models = [
        (row.label, model_page(row.slug), row.model.family, _row_reader(row))
        for row in board.rows
        if not row.variant_of
    ]
    titles = (board.pool.title, words.about, measured_page(board.pool))
    return _view(pool_key(board.pool), titles, models, tasks)


def _row_reader(row: Row) -> Reader:
    def read(key: Key) -> tuple[Estimate, float | None] | None:
        metric = row.metric(*key)
        return None if metric is None else (of_metric(metric), metric.chance)

    return read


def _published(collection: Collection, tasks: dict[str, Task]) -> View:
    chance = {m.key: m.chance for m in collection.measures}

    def reader(model: PublishedModel) -> Reader:
        def read(key: Key) -> tuple[Estimate, float | None] | None:
            best = model.best(key)
            return None if best is None or key not in chance else (best.estimate, chance[key])

        return read

    models = [(m.name, published_page(m.slug), m.family, reader(m)) for m in collection.models]
    about = (
        "The best documented number of each sub-task; models differ in which they have, so look at "
        "how many a value rests on."
    )
    return _view("published", ("Published numbers", about, "index.html"), models, tasks)
