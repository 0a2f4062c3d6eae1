"""Plots of the board: which values go into which picture."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gdbench.leaderboard.judged.board import BiasPair, PoolBoard, Row
from gdbench.leaderboard.judged.published import Contrast
from gdbench.leaderboard.judged.trust import LOCAL, RANKED
from gdbench.leaderboard.show.estimate import shown
from gdbench.leaderboard.show.paths import measured_page, model_page
from gdbench.leaderboard.show.plots import budget, forest, pareto
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import EFFECT, GAP, SHARE
from gdbench.tasks.base import Task

MOST_LINES = 60
MOST_PER_PAIR = 12
_NARROW, _NARROW_NAMES = 540.0, 190.0  # of a plot beside a text


def cost_plot(board: PoolBoard) -> Markup | None:
    """Score against operations an item; None with fewer than two models of known operations.

    Results that nobody else has run are left out: the line says what no other model beats.
    Controls without a network take no operations and are on no such axis.
    """
    rows = [
        row for row in board.rows if row.trust.badge in (*RANKED, LOCAL) and row.score is not None
    ]
    points = [
        pareto.Point(
            row.name, row.label, row.model.family, row.flops_per_item, row.score,
            model_page(row.slug),
        )
        for row in rows
        if row.score is not None and row.flops_per_item
    ]  # fmt: skip
    unknown = [row.label for row in rows if row.flops is None]
    if len(points) < 2:  # noqa: PLR2004 # nothing to compare
        return None
    return pareto.draw(points, board.front, measured_page(board.pool), unknown)


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


def bias_plot(task: Task, of_pool: Sequence[BiasPair], rows: Sequence[Row]) -> Markup | None:
    """Effect size of each pair and model; the best-placed models where there are many."""
    lines: list[forest.Line] = []
    pairs = [pair for pair in of_pool if pair.task == task.name]
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


def gap_plot(task: Task, rows: Sequence[Row]) -> Markup | None:
    """How much larger the errors of wrong candidates are at each timestep."""
    curves = [
        budget.Curve(row.label, row.model.family, points)
        for row in rows
        if len(points := row.results[task.name].reading.error_gap) > 1
    ]
    return budget.draw(curves, 0.0, GAP, budget.GAP) if curves else None


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
        width=_NARROW,
        names=_NARROW_NAMES,
    )
