"""Plots of the board: which values go into which picture."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gdbench.leaderboard.assemble import bias_pairs
from gdbench.leaderboard.badges import LOCAL, RANKED
from gdbench.leaderboard.board import PoolBoard, Row
from gdbench.leaderboard.columns import style_of
from gdbench.leaderboard.estimate import shown, typeset
from gdbench.leaderboard.plots import budget, forest, heatmap, pareto
from gdbench.leaderboard.published.naive import Contrast
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import EFFECT, SHARE, value_text
from gdbench.tasks.base import Task

MOST_LINES = 60
MOST_PER_PAIR = 12


def cost_plot(board: PoolBoard) -> Markup | None:
    """Score against seconds per item; None with fewer than two models that have both.

    Results that nobody else has run are left out: the line says what no other model beats.
    """
    points = [
        pareto.Point(row.label, row.model.family, cost, row.score, ranked=row.place is not None)
        for row in board.rows
        if row.trust.badge in (*RANKED, LOCAL)
        and row.score is not None
        and (cost := row.seconds_per_item) is not None
        and cost > 0
    ]
    return pareto.draw(points) if len(points) > 1 else None


def task_plot(task: Task, rows: Sequence[Row]) -> Markup | None:
    """The task's score of each model with its interval."""
    lines = [
        forest.Line(row.label, row.model.family, e, shown(e, task.score_unit).text)
        for row in rows[:MOST_LINES]
        if (e := row.results[task.name].estimate) is not None
    ]
    chances = [c for row in rows if (c := row.results[task.name].chance) is not None]
    if not lines:
        return None
    return forest.draw(
        lines,
        f"Scores of {len(lines)} models on {task.title} with 95 % intervals",
        reference=chances[0] if chances else 0.0,
        unit=task.score_unit,
        axis="score",
        note="chance" if chances else "",
    )


def bias_plot(task: Task, rows: Sequence[Row]) -> Markup | None:
    """Effect size of each pair and model; the best-placed models where there are many."""
    lines: list[forest.Line] = []
    pairs = bias_pairs(rows, task)
    for pair in pairs:
        lines.append(forest.Line(f"{pair.title} ({pair.topic})"))
        for row in rows[:MOST_PER_PAIR]:
            metric = row.metric(task.name, pair.metric)
            if metric is not None:
                e = of_metric(metric)
                text = shown(e, task.unit(metric)).text
                lines.append(forest.Line(row.label, row.model.family, e, text))
    if not any(line.estimate for line in lines):
        return None
    return forest.draw(
        lines,
        f"Effect sizes with 95 % intervals for {len(pairs)} pairs of groups",
        reference=0.0,
        unit=EFFECT,
        axis="effect size",
        note="even-handed",
    )


def subtask_plot(board: PoolBoard, tasks: Sequence[Task]) -> Markup | None:
    """Every metric of every ability task, models in ranking order."""
    rows = list(board.rows[:MOST_LINES])
    groups, names = [], []
    for task in tasks:
        if task.kind != "ability":
            continue
        present = {
            m.name for r in rows if task.name in r.results for m in r.results[task.name].metrics
        }
        columns = tuple(m.name for m in task.measures if m.name in present)
        if columns:
            groups.append(heatmap.Group(task.title, columns))
            names += [(task.name, c) for c in columns]
    if not names or not rows:
        return None
    squares = [[_square(row, *name) for name in names] for row in rows]
    return heatmap.draw([r.label for r in rows], groups, squares)


def _square(row: Row, task: str, name: str) -> heatmap.Square | None:
    metric = row.metric(task, name)
    if metric is None:
        return None
    unit = row.results[task].task.unit(metric)
    text = value_text(metric.value, unit, places=0 if unit == SHARE else None)
    return heatmap.Square(typeset(text), style_of(metric, unit))


def budget_plot(task: Task, rows: Sequence[Row]) -> Markup | None:
    """The task's score for smaller numbers of timesteps, recomputed from the logged errors."""
    curves = []
    chance = None
    for row in rows:
        result = row.results[task.name]
        points = result.reading.budget
        if len(points) > 1:
            curves.append(budget.Curve(row.label, row.model.family, points))
            chance = result.chance
    return budget.draw(curves, chance, task.score_unit) if curves else None


def naive_plot(contrast: Contrast) -> Markup:
    """Ways to score one model, as values with intervals against chance."""
    words = {"naive": "Naive: the bare error", "normalised": "Normalised: less the empty prompt's",
             "divided": "Divided by the empty prompt's"}  # fmt: skip
    lines = [
        forest.Line(words[way], cited.family, cited.estimate, shown(cited.estimate, SHARE).text)
        for way, cited in contrast.ways
    ]
    chance = contrast.measure.chance
    return forest.draw(
        lines,
        f"{contrast.measure.title} of {contrast.model} scored in {len(lines)} ways",
        reference=chance or 0.0,
        unit=SHARE,
        axis="points",
        note="chance" if chance else "",
    )
