"""The report as a page: pictures, plots and style are inside of it, and it runs no script."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from gdbench.leaderboard.judged.board import Row
from gdbench.leaderboard.judged.report import Confusion, Judged, RunReport, TaskReport
from gdbench.leaderboard.show.estimate import shown
from gdbench.leaderboard.show.pages.models import MetricView, metric_view, run_facts
from gdbench.leaderboard.show.plots import budget, curve, share
from gdbench.leaderboard.show.render import single_page
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, count, flops, seconds, size_in_bytes, value_text
from gdbench.protocol import ImageRef, Query

SIDE = 96


@dataclass(frozen=True)
class Candidate:
    """A picture or a text of an item."""

    picture: str
    text: str
    score: str
    gold: bool
    taken: bool


@dataclass(frozen=True)
class ItemView:
    """An item with its scores."""

    id: str
    verdict: str
    question_picture: str
    question_text: str
    candidates: tuple[Candidate, ...]
    curve: str | None


@dataclass(frozen=True)
class TaskView:
    """A task as it is printed."""

    anchor: str
    title: str
    score: str
    interval: str
    chance: str
    says: str
    plot: str | None
    n: str
    metrics: tuple[MetricView, ...]
    wrong: str
    hardest: tuple[ItemView, ...]
    closest: tuple[ItemView, ...]
    confusions: tuple[Confusion, ...]
    budget: str | None
    facts: tuple[tuple[str, str], ...]
    signature: str


@dataclass(frozen=True)
class PartView:
    """A part of a suite that the run answered."""

    title: str
    about: str
    score: str
    interval: str
    reason: str
    cost: tuple[tuple[str, str], ...]
    tasks: tuple[TaskView, ...]


def render(made: RunReport) -> str:
    """The page."""
    return single_page(
        "report.html",
        row=made.parts[0][0],
        parts=[_part(row, tasks) for row, tasks in made.parts],
    )


def _part(row: Row, tasks: tuple[TaskReport, ...]) -> PartView:
    words = suite_words(row.pool.suite)
    total = shown(row.score, SHARE) if row.score else None
    return PartView(
        row.pool.title,
        words.about,
        total.text if total else "",
        total.interval if total else "",
        "" if total else f"{sum(t.result.estimate is not None for t in tasks)} tasks have a score",
        tuple(_cost(row)),
        tuple(_task(t) for t in tasks),
    )


def _cost(row: Row) -> list[tuple[str, str]]:
    costs = [r.entry.record.cost for r in row.results.values()]
    walls = [c.wall_seconds for c in costs]
    known = [w for w in walls if w is not None]
    memory = [c.peak_memory_bytes for c in costs if c.peak_memory_bytes is not None]
    on_device = [
        c.peak_device_memory_bytes for c in costs if c.peak_device_memory_bytes is not None
    ]
    rows = [
        ("Items", f"{row.n_items:,}"),
        ("Passes of the network", "" if row.passes is None else f"{row.passes:,}"),
        ("Operations", "unknown" if row.flops is None else flops(row.flops)),
        ("Wall time", seconds(sum(known)) if len(known) == len(walls) else ""),
        ("Time per item", "" if (s := row.seconds_per_item) is None else seconds(s)),
        ("Peak memory", size_in_bytes(max(memory)) if memory else ""),
        ("Peak memory of the device", size_in_bytes(max(on_device)) if on_device else ""),
        ("Device", ", ".join(row.devices)),
        ("Parameters", "" if (n := row.model.parameters) is None else count(n)),
    ]
    return [(label, value) for label, value in rows if value]


def _task(report: TaskReport) -> TaskView:
    result, task = report.result, report.task
    record = result.entry.record
    e = result.estimate
    text = shown(e, task.score_unit) if e else None
    drawn = task.score_unit == SHARE and e is not None
    return TaskView(
        anchor=f"task-{len(task.name)}-{task.name}" if task.name.isidentifier() else "task",
        title=task_title(task, record.task.suite),
        score=text.text if text else "",
        interval=text.interval if text else "",
        chance=value_text(result.chance, task.score_unit),
        says=_against_chance(e, result.chance),
        plot=share.draw(e, result.chance) if drawn and e is not None else None,
        n=f"{record.task.n_items:,}",
        metrics=tuple(metric_view(m, result) for m in record.metrics),
        wrong="" if report.n_wrong is None else f"{report.n_wrong:,}",
        hardest=tuple(_item(j) for j in report.hardest),
        closest=tuple(_item(j) for j in report.closest),
        confusions=report.confusions,
        budget=_budget(report),
        facts=run_facts(record),
        signature=record.signature,
    )


def _budget(report: TaskReport) -> str | None:
    points = report.result.reading.budget
    if len(points) < 2:  # noqa: PLR2004 # one point is no curve
        return None
    card = report.result.entry.record.model
    return budget.draw(
        [budget.Curve(card.name, card.family, points)], report.result.chance,
        report.task.score_unit,
    )  # fmt: skip


def _item(judged: Judged) -> ItemView:
    item, matrix = judged.item, judged.matrix
    side = "ahead" if judged.margin >= 0 else "behind"
    verdict = f"the right answer is {abs(judged.margin):.2f} standard deviations {side}"
    return ItemView(
        item.id,
        verdict,
        picture(item.images[0]) if item.query is Query.TEXT_RETRIEVAL else "",
        item.texts[0] if item.query is Query.IMAGE_RETRIEVAL else "",
        tuple(_candidates(judged)),
        curve.draw(judged.curve, _gold(judged), matrix.shape) if judged.curve else None,
    )


def _gold(judged: Judged) -> frozenset[int]:
    item = judged.item
    if item.query is Query.MATCHING:
        return frozenset(i * len(item.texts) + j for i, j in enumerate(item.gold))
    return frozenset(item.gold)


def _candidates(judged: Judged) -> list[Candidate]:
    """Pictures, texts or pairs with their scores, best first; no more than eight."""
    item, matrix, gold = judged.item, judged.matrix, _gold(judged)
    pairs = [
        (float(matrix[i, j]), i, j) for i in range(len(item.images)) for j in range(len(item.texts))
    ]
    order = sorted(range(len(pairs)), key=lambda k: (-pairs[k][0], k))
    kept = order[:7] + [k for k in order[7:] if k in gold]
    matching = item.query is Query.MATCHING
    return [
        Candidate(
            picture(item.images[pairs[k][1]]) if len(item.images) > 1 else "",
            item.texts[pairs[k][2]] if len(item.texts) > 1 else "",
            f"{pairs[k][0]:.3g}".replace("-", "\N{MINUS SIGN}"),
            k in gold,
            not matching and k == judged.taken,
        )
        for k in kept
    ]


def picture(image: ImageRef) -> str:
    """A picture as a data address, at most `SIDE` pixels a side."""
    found = image.open().convert("RGB")
    found.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    found.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _against_chance(estimate: Estimate | None, chance: float | None) -> str:
    """Whether a score is above chance, as its interval says."""
    if estimate is None or chance is None or estimate.bounds is None:
        return ""
    if estimate.above(chance):
        return "above chance"
    return "below chance" if estimate.below(chance) else "not above chance"
