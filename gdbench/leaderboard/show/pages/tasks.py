"""A page for each task: what it asks, what chance is, and how every model did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Board, PoolBoard, Row, TaskStanding, metric_of
from gdbench.leaderboard.judged.published import Collection, metric_words
from gdbench.leaderboard.judged.trust import BADGES
from gdbench.leaderboard.show.columns import Cell, shade, style_of
from gdbench.leaderboard.show.estimate import shown
from gdbench.leaderboard.show.figures import bias_plot, budget_plot, gap_plot, task_plot
from gdbench.leaderboard.show.pages.published import of_task
from gdbench.leaderboard.show.paths import measured_page, model_page, task_page
from gdbench.leaderboard.show.precision import PrecisionTable, precision_table
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.leaderboard.words import web_link
from gdbench.metrics.estimate import Estimate, of_metric
from gdbench.metrics.measures import associations
from gdbench.numbers import SHARE, Unit, value_text
from gdbench.tasks.base import Task

MOST_ROWS = 200
MOST_COLUMNS = 12


@dataclass(frozen=True)
class RowView:
    """One model."""

    slug: str
    name: str
    cells: tuple[Cell, ...]
    n: int
    ties: int
    evidence: str


@dataclass(frozen=True)
class PoolView:
    """One suite."""

    title: str
    about: str
    name: str
    """The task's own name in it."""
    columns: tuple[str, ...]
    rows: tuple[RowView, ...]
    plot: str | None
    budget: str | None
    gap: str | None
    note: str
    precision: PrecisionTable | None
    more: int
    """Models that are only in the table of the suite."""
    page: str


def write(renderer: Renderer, board: Board, collection: Collection) -> None:
    """Write `tasks/index.html` and a page for each task."""
    views = [{"task": task, "page": task_page(task.name)} for task in board.tasks]
    maps = [view for pool in board.pools if (view := subtasks(pool, board.tasks)) is not None]
    renderer.page(
        "tasks/index.html", "tasks.html", title="Tasks", here="tasks", tasks=views, maps=maps
    )
    for task in board.tasks:
        pools = [
            _pool_view(task, pool, pool.tasks[task.name])
            for pool in board.pools
            if task.name in pool.tasks
        ]
        renderer.page(
            task_page(task.name), "task.html", title=task.title, here="tasks", task=task,
            facts=_facts(task), pools=pools, effects=bool(associations(task.measures)),
            published=of_task(collection, task.name),
        )  # fmt: skip


@dataclass(frozen=True)
class SubtaskLine:
    """One sub-task of all models."""

    task: str
    page: str
    metric: str
    first: bool
    """Whether its task begins here."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SubtaskView:
    """All sub-tasks of a pool: a line each, a column for each of the first models."""

    title: str
    about: str
    models: tuple[tuple[str, str], ...]
    """Label and page."""
    lines: tuple[SubtaskLine, ...]
    more: int


def subtasks(board: PoolBoard, tasks: Sequence[Task]) -> SubtaskView | None:
    """Every metric of every ability task of the first models; None where there is none."""
    models = [r for r in board.rows if not r.variant_of]
    rows = models[:MOST_COLUMNS]
    lines = []
    for task in tasks:
        if task.kind != "ability":
            continue
        present = {
            m.name for r in rows if task.name in r.results for m in r.results[task.name].metrics
        }
        names = [m.name for m in task.measures if m.name in present]
        for name in names:
            cells = tuple(_cell(r, task, name) if task.name in r.results else Cell() for r in rows)
            title = task_title(task, board.pool.suite)
            lines.append(
                SubtaskLine(
                    title, task_page(task.name), metric_words(name), name == names[0], cells
                )
            )
    if not lines:
        return None
    return SubtaskView(
        board.pool.title,
        suite_words(board.pool.suite).about,
        tuple((r.label, model_page(r.slug)) for r in rows),
        tuple(lines),
        len(models) - len(rows),
    )


def _facts(task: Task) -> list[tuple[str, str, str]]:
    sizes = [f"{suite}: {sum(parts.values()):,}" for suite, parts in task.expected.items() if parts]
    human = ", ".join(f"{name} {value_text(v, task.score_unit)}" for name, v in task.human.items())
    rows = [
        ("Score", f"mean of {', '.join(task.primary)}" if task.primary else "", ""),
        ("Items", "; ".join(sizes), ""),
        ("Human score", human, ""),
        (
            "Version",
            "; ".join([task.version, *(f"{v} of {s}" for s, v in task.versions.items())]),
            "",
        ),
        ("Licence", task.license, ""),
        ("Source", task.citation, ""),
        ("Link", task.url, web_link(task.url)),
    ]
    return [row for row in rows if row[1]]


def _pool_view(task: Task, board: PoolBoard, standing: TaskStanding) -> PoolView:
    rows = [board.by_name[name] for name in standing.order]
    names = metric_names(task, rows)
    views = []
    for row in rows[:MOST_ROWS]:
        result = row.results[task.name]
        cells = [_cell(row, task, name) for name in names]
        if standing.scored:
            e = result.estimate
            cells.insert(0, Cell() if e is None else _score_cell(e, result.chance, task.score_unit))
        views.append(
            RowView(
                row.slug, row.label, tuple(cells),
                result.entry.record.task.n_items,
                sum(m.ties for m in result.metrics if m.name in task.primary),
                BADGES[result.trust.badge].label,
            )
        )  # fmt: skip
    heads = ("Score", *names) if standing.scored else names
    plot = task_plot(task, rows) if standing.scored else bias_plot(task, board.pairs, rows)
    return PoolView(
        board.pool.title,
        suite_words(board.pool.suite).about,
        task_title(task, board.pool.suite),
        heads,
        tuple(views),
        plot,
        budget_plot(task, rows),
        gap_plot(task, rows),
        _note(task, rows, standing),
        precision_table(standing.precision, board.by_name),
        max(0, len(rows) - MOST_ROWS),
        measured_page(board.pool),
    )


def _note(task: Task, rows: Sequence[Row], standing: TaskStanding) -> str:
    """Chance, number of items and smallest detectable difference in words."""
    parts = [f"{standing.n_items:,} items"]
    chances = [c for r in rows if (c := r.results[task.name].chance) is not None]
    if chances:
        parts.append(f"chance {value_text(chances[0], task.score_unit)}")
    seen = standing.detectable
    if seen is not None:
        basis = (
            "median over pairs of models"
            if seen.measured
            else "for two that disagree on a quarter of it"
        )
        parts.append(
            f"smallest difference of two models that a paired test finds in four of five cases: "
            f"{value_text(seen.value, SHARE)} points ({basis})"
        )
    return "; ".join(parts) + "."


def metric_names(task: Task, rows: list[Row]) -> tuple[str, ...]:
    """Names of metrics that occur: the task's in its order, then others by name."""
    present = {m.name for row in rows for m in row.results[task.name].metrics}
    known = [m.name for m in task.measures if m.name in present]
    return (*known, *sorted(present - set(known)))


def _score_cell(e: Estimate, chance: float | None, unit: Unit) -> Cell:
    text = shown(e, unit)
    style = shade(e, chance) if unit == SHARE else ""
    return Cell(text.text, text.interval, style, "1")


def _cell(row: Row, task: Task, name: str) -> Cell:
    result = row.results[task.name]
    metric = metric_of(result, name)
    if metric is None:
        return Cell()
    text = shown(of_metric(metric), task.unit(metric))
    return Cell(text.text, text.interval, style_of(metric, result), "1")
