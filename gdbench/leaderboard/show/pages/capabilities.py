"""Capabilities of all models: one table of the published numbers, one of each pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Board, PoolBoard
from gdbench.leaderboard.judged.capabilities import Capability, CapabilityTable, Key, Value
from gdbench.leaderboard.judged.published import Collection, metric_words
from gdbench.leaderboard.show.paths import measured_page, model_page, pool_key, published_page
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words
from gdbench.leaderboard.words import typeset
from gdbench.numbers import SHARE, interval_text, value_text
from gdbench.tasks.base import Task

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
        views=[v for v in views if v is not None],
    )  # fmt: skip


def _view(
    key: str,
    titles: tuple[str, str, str],
    table: CapabilityTable,
    models: Mapping[str, tuple[str, str, str]],
    tasks: Mapping[str, Task],
) -> View:
    """A table of models, each by its name with a label, a page and a family."""
    title, about, page = titles
    return View(
        key, title, about, page, tuple(_feed(c, tasks) for c in table.columns),
        tuple(
            Line(*models[name], tuple(_cell(v) for v in values))
            for name, values in table.values.items()
        ),
        table.more,
    )  # fmt: skip


def _feed(which: Capability, tasks: Mapping[str, Task]) -> Feed:
    return Feed(which.name, which.about, tuple(_words(key, tasks) for key in which.feeds))


def _words(key: Key, tasks: Mapping[str, Task]) -> str:
    """A sub-task for a person."""
    task, metric = key
    title = tasks[task].title if task in tasks else task
    return title if metric in ("accuracy", "micro") else f"{title} {metric_words(metric)}"


def _cell(value: Value | None) -> Cell:
    if value is None:
        return Cell()
    e = value.estimate
    reaches = e.bounds is not None and not e.above(0)
    shade = min(max(round(e.value * _SHADES), 1), _SHADES)
    ends = "" if e.bounds is None else interval_text(*e.bounds, SHARE, places=0, between=" to ")
    return Cell(
        typeset(value_text(e.value, SHARE, places=0)),
        typeset(ends),
        "" if value.n == value.of else f"{value.n} of {value.of}",
        "q0" if e.value <= 0 or reaches else f"q{shade}",
    )


def _pool(board: PoolBoard, tasks: Mapping[str, Task]) -> View | None:
    if board.capabilities is None:
        return None
    models = {row.name: (row.label, model_page(row.slug), row.model.family) for row in board.rows}
    titles = (board.pool.title, suite_words(board.pool.suite).about, measured_page(board.pool))
    return _view(pool_key(board.pool), titles, board.capabilities, models, tasks)


def _published(collection: Collection, tasks: Mapping[str, Task]) -> View | None:
    if collection.capabilities is None:
        return None
    models = {m.name: (m.name, published_page(m.slug), m.family) for m in collection.models}
    about = (
        "The best documented number of each sub-task; models differ in which they have, so look at "
        "how many a value rests on."
    )
    titles = ("Published numbers", about, "index.html")
    return _view("published", titles, collection.capabilities, models, tasks)
