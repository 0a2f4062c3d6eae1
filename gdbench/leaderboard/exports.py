"""The board as data: the models behind `leaderboard.json`, and its table form."""

from __future__ import annotations

import csv
import io

from pydantic import BaseModel, ConfigDict, Field

from gdbench.leaderboard.board import Board, PoolBoard, Row
from gdbench.leaderboard.paths import model_page, record_path
from gdbench.metrics.estimate import Estimate

EXPORT_VERSION = 1
CLAIMED = ("family", "parameters", "license", "seconds_per_item", "devices", "created")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Export(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Number(_Export):
    """A value and its 95 % interval; fractions in 0..1, effect sizes as they are."""

    value: float
    low: float | None = None
    high: float | None = None


class Rank(_Export):
    """The ranks that a model may have, given the uncertainty."""

    best: int
    worst: int
    group: int = Field(description="Models of one group cannot be told apart from its first.")


class TaskResult(_Export):
    """A model on a task."""

    score: Number | None
    chance: float | None
    n_items: int
    n_expected: int
    metrics: dict[str, Number]
    record: str = Field(description="Path of the full record below the site's root.")


class ModelResult(_Export):
    """A row of the leaderboard."""

    model: str
    revision: str
    family: str
    parameters: int | None
    license: str
    badge: str = Field(description="Level of evidence, the weakest of its tasks.")
    claimed: list[str] = Field(description="Fields that nothing verifies: the submitter's word.")
    score: Number | None = Field(description="Mean of the seven task scores.")
    rank: Rank | None
    not_ranked_because: str
    tasks: dict[str, TaskResult]
    unet_evaluations: int | None
    seconds_per_item: float | None
    devices: list[str]
    created: str
    page: str


class PoolResult(_Export):
    """Results that may be ranked together."""

    suite: str
    limit: int | None
    item_seed: int = Field(description="Which items a limit chooses.")
    compat: str | None
    results: list[ModelResult]


class Leaderboard(_Export):
    """The whole leaderboard (`leaderboard.json`)."""

    version: int = EXPORT_VERSION
    pools: list[PoolResult]


def export(board: Board) -> Leaderboard:
    """The board as data, in the order of the pages."""
    return Leaderboard(pools=[_pool(pool) for pool in board.pools])


def _pool(board: PoolBoard) -> PoolResult:
    pool = board.pool
    return PoolResult(
        suite=pool.suite,
        limit=pool.limit,
        item_seed=pool.item_seed,
        compat=pool.compat,
        results=[_model(row) for row in board.rows],
    )


def _number(e: Estimate | None) -> Number | None:
    return None if e is None else Number(value=e.value, low=e.low, high=e.high)


def _model(row: Row) -> ModelResult:
    tasks = {}
    for name, result in sorted(row.results.items()):
        record = result.entry.record
        tasks[name] = TaskResult(
            score=_number(result.estimate),
            chance=result.chance,
            n_items=record.task.n_items,
            n_expected=record.task.n_expected,
            metrics={m.name: Number(value=m.value, low=m.low, high=m.high) for m in result.metrics},
            record=record_path(record, row.slug),
        )
    place = row.place
    return ModelResult(
        model=row.model.name,
        revision=row.model.revision,
        family=row.model.family,
        parameters=row.model.parameters,
        license=row.model.license,
        badge=row.trust.badge,
        claimed=list(CLAIMED),
        score=_number(row.score),
        rank=None if place is None else Rank(best=place.best, worst=place.worst, group=place.group),
        not_ranked_because=row.reason,
        tasks=tasks,
        unet_evaluations=row.passes,
        seconds_per_item=row.seconds_per_item,
        devices=list(row.devices),
        created=row.created,
        page=model_page(row.slug),
    )


def table(data: Leaderboard) -> str:
    """One line for each pool, model, task and metric, as CSV (RFC 4180).

    A text that a spreadsheet would run as a formula is given a leading apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["suite", "limit", "compat", "model", "revision", "family", "badge", "task", "metric",
         "value", "low", "high", "chance", "n_items", "created"]
    )  # fmt: skip
    for pool in data.pools:
        for row in pool.results:
            head = [
                pool.suite,
                pool.limit,
                pool.compat,
                row.model,
                row.revision,
                row.family,
                row.badge,
            ]
            if row.score is not None:
                s = row.score
                writer.writerow(map(_safe, [*head, "gdbench", "score", s.value, s.low, s.high, None,
                                            None, row.created]))  # fmt: skip
            for name, task in row.tasks.items():
                lines = {"score": task.score, **task.metrics} if task.score else task.metrics
                for metric, number in lines.items():
                    writer.writerow(map(_safe, [
                        *head, name, metric, number.value, number.low, number.high,
                        task.chance if metric == "score" else None, task.n_items, row.created,
                    ]))  # fmt: skip
    return out.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
