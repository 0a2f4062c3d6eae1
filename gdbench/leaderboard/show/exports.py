"""The board as data: the models behind `leaderboard.json`, and its table form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from gdbench.leaderboard.judged.board import Board, PoolBoard, Row
from gdbench.leaderboard.judged.published import Cited, Collection, Measured, PublishedModel
from gdbench.leaderboard.judged.trust import PUBLISHED
from gdbench.leaderboard.show.paths import model_page, part_path, published_page, record_path
from gdbench.metrics.estimate import Estimate

EXPORT_VERSION = 2
PART = 50
"""Results in one file."""
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
    variant_of: str = Field(description="Name and revision of the model that it is a variant of.")
    not_ranked_because: str
    tasks: dict[str, TaskResult]
    unet_evaluations: int | None
    flops: int | None = Field(description="Floating-point operations; null where not known.")
    seconds_per_item: float | None
    devices: list[str]
    created: str
    page: str


class PoolResult(_Export):
    """Results that may be ranked together: the first, if any, and where the others are."""

    suite: str
    limit: int | None
    item_seed: int = Field(description="Which items a limit chooses.")
    compat: str | None
    n_models: int
    results: list[ModelResult]
    more: list[str] = Field(description="Files with the next results, in the order of the board.")


class PublishedNumber(_Export):
    """A number that others have published."""

    task: str
    metric: str
    value: float
    low: float | None = Field(description="95 % interval from n (Wilson), where n is known.")
    high: float | None
    chance: float | None
    n_items: int | None
    n_right: int | None
    ties: int | None
    direction: str
    normalised: str | None = Field(
        description="What was done with the error under the empty prompt: none, minus, ratio."
    )
    timesteps: int | None = Field(description="Evaluated for each pair, where the source says so.")
    best: bool = Field(description="Whether it is the best documented number of its cell.")
    method: str
    note: str
    source: str
    url: str
    year: int | None
    settings: str
    quoted: bool


class PublishedRow(_Export):
    """A model of which others have published numbers; it has no rank."""

    model: str
    name: str = Field(description="Short name, as on the pages.")
    family: str
    badge: str
    numbers: list[PublishedNumber]
    page: str


class Leaderboard(_Export):
    """The leaderboard (`leaderboard.json`), or a further part of it (`data/POOL-2.json`)."""

    version: int = EXPORT_VERSION
    published: list[PublishedRow]
    pools: list[PoolResult]


def export(board: Board, collection: Collection) -> Leaderboard:
    """The board as data, in the order of the pages."""
    return Leaderboard(
        published=[_published(model, collection) for model in collection.models],
        pools=[_pool(pool, first) for pool, first in _firsts(board)],
    )


def _firsts(board: Board) -> Iterator[tuple[PoolBoard, int]]:
    """How many results of each pool the first file has: `PART` in all, the first pools first."""
    left = PART
    for pool in board.pools:
        first = min(left, len(pool.rows))
        left -= first
        yield pool, first


def _published(model: PublishedModel, collection: Collection) -> PublishedRow:
    return PublishedRow(
        model=model.full_name,
        name=model.name,
        family=model.family,
        badge=PUBLISHED,
        numbers=[
            _cited(cited, measure, best=i == 0)
            for measure in collection.measures
            for i, cited in enumerate(model.cells.get(measure.key, ()))
        ],
        page=published_page(model.slug),
    )


def _cited(cited: Cited, measure: Measured, *, best: bool) -> PublishedNumber:
    figure, source = cited.figure, cited.source
    return PublishedNumber(
        task=figure.task,
        metric=figure.metric,
        value=figure.value,
        low=cited.estimate.low,
        high=cited.estimate.high,
        chance=measure.chance,
        n_items=figure.n,
        n_right=cited.right,
        ties=figure.ties,
        direction=figure.direction,
        normalised=figure.normalised,
        timesteps=cited.steps,
        best=best,
        method=cited.method,
        note=figure.note,
        source=source.source,
        url=source.url,
        year=source.year,
        settings=source.settings,
        quoted=source.quoted,
    )


def _pool(board: PoolBoard, first: int) -> PoolResult:
    pool = board.pool
    return PoolResult(
        suite=pool.suite,
        limit=pool.limit,
        item_seed=pool.item_seed,
        compat=pool.compat,
        n_models=len(board.rows),
        results=[_model(row) for row in board.rows[:first]],
        more=[path for path, _ in _further(board, first)],
    )


def _further(board: PoolBoard, first: int) -> list[tuple[str, Sequence[Row]]]:
    """Path and rows of each further file of a pool."""
    starts = range(first, len(board.rows), PART)
    return [
        (part_path(board.pool, part), board.rows[start : start + PART])
        for part, start in enumerate(starts, 2)
    ]


def parts(board: Board) -> Iterator[tuple[str, Leaderboard]]:
    """The results that do not fit the first file: path of each further file, and its content."""
    for pool, first in _firsts(board):
        head = _pool(pool, 0)
        for path, rows in _further(pool, first):
            results = [_model(row) for row in rows]
            content = head.model_copy(update={"results": results, "more": []})
            yield path, Leaderboard(published=[], pools=[content])


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
        variant_of=row.variant_of,
        not_ranked_because=row.reason,
        tasks=tasks,
        unet_evaluations=row.passes,
        flops=row.flops,
        seconds_per_item=row.seconds_per_item,
        devices=list(row.devices),
        created=row.created,
        page=model_page(row.slug),
    )


COLUMNS = (
    "suite", "limit", "compat", "model", "revision", "family", "badge", "task", "metric", "value",
    "low", "high", "chance", "n_items", "created", "source", "url",
)  # fmt: skip


def table(data: Leaderboard) -> str:
    """One line for each pool, model, task and metric, as CSV (RFC 4180).

    Published numbers have the suite `published` and their source. A text that a spreadsheet would
    run as a formula is given a leading apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in (*_published_lines(data), *_measured_lines(data)):
        writer.writerow(map(_safe, line))
    return out.getvalue()


def _published_lines(data: Leaderboard) -> Iterator[list[object]]:
    for row in data.published:
        for x in row.numbers:
            yield [
                PUBLISHED, None, None, row.model, "", row.family, row.badge, x.task, x.metric,
                x.value, x.low, x.high, x.chance, x.n_items, x.year, x.source, x.url,
            ]  # fmt: skip


def _measured_lines(data: Leaderboard) -> Iterator[list[object]]:
    for pool in data.pools:
        for row in pool.results:
            head = [
                pool.suite, pool.limit, pool.compat, row.model, row.revision, row.family, row.badge,
            ]  # fmt: skip
            if row.score is not None:
                s = row.score
                yield [*head, "gdbench", "score", s.value, s.low, s.high, None, None, row.created,
                       None, None]  # fmt: skip
            for name, task in row.tasks.items():
                lines = {"score": task.score, **task.metrics} if task.score else task.metrics
                for metric, number in lines.items():
                    chance = task.chance if metric == "score" else None
                    yield [*head, name, metric, number.value, number.low, number.high, chance,
                           task.n_items, row.created, None, None]  # fmt: skip


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
