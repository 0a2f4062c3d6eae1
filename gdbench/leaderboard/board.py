"""What the site shows, as plain values: pools of comparable results, rows, ranks.

A pool holds results that may stand in one ranking: the same suite, the same part of it, the same
mode. Nothing here knows HTML.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gdbench.leaderboard.estimate import Estimate, mean_independent, mean_same_items, of_metric
from gdbench.leaderboard.load import Entry
from gdbench.leaderboard.ranking import Place, places
from gdbench.metrics.measures import EffectSize
from gdbench.protocol import ModelCard
from gdbench.records import MetricValue
from gdbench.tasks.base import Task

MEAN_ABS_EFFECT = "mean_abs_effect"
_SUITE_ORDER = {"full": 0, "mini": 1}


@dataclass(frozen=True)
class Pool:
    """Which results are compared with each other."""

    suite: str
    limit: int | None = None
    compat: str | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """Full before mini before variants; whole suites before parts; default mode first."""
        return (
            self.limit is not None,
            _SUITE_ORDER.get(self.suite, 2),
            self.suite,
            self.compat or "",
            self.limit or 0,
        )

    @property
    def title(self) -> str:
        """For a person."""
        words = [{"full": "Full", "mini": "Mini"}.get(self.suite, self.suite)]
        if self.compat:
            words.append(f"{self.compat} mode")
        if self.limit is not None:
            words.append(f"at most {self.limit} items of each sub-task")
        return ", ".join(words)


@dataclass(frozen=True)
class Result:
    """One model on one task."""

    entry: Entry
    task: Task
    estimate: Estimate | None
    """The task's score; None for bias."""
    chance: float | None
    covered: bool
    """Whether enough of the task's items were scored for a ranking."""

    @property
    def metrics(self) -> tuple[MetricValue, ...]:
        """All metrics of the record."""
        return self.entry.record.metrics


@dataclass(frozen=True)
class Row:
    """One model in one pool."""

    model: ModelCard
    pool: Pool
    results: Mapping[str, Result]
    score: Estimate | None
    """GDBench score: mean of the seven ability tasks; None unless all seven are there."""
    reason: str
    """Why it has no rank, empty where it has one."""
    place: Place | None = None
    slug: str = ""

    @property
    def name(self) -> str:
        """Name and revision."""
        return f"{self.model.name}@{self.model.revision}"

    @property
    def is_control(self) -> bool:
        """Baselines such as constant and random scores."""
        return self.model.family == "control"

    def bias(self, metric: str) -> MetricValue | None:
        """A metric of the bias task."""
        found = self.results.get("bias")
        return None if found is None else metric_of(found, metric)

    @property
    def n_items(self) -> int:
        """Items scored in all tasks."""
        return sum(r.entry.record.task.n_items for r in self.results.values())

    @property
    def passes(self) -> int | None:
        """Network evaluations in all tasks; None for models without timesteps."""
        counts = [r.entry.record.cost.unet_evaluations for r in self.results.values()]
        known = [c for c in counts if c is not None]
        return sum(known) if known and len(known) == len(counts) else None

    @property
    def seconds_per_item(self) -> float | None:
        """Wall time over all tasks by the number of items."""
        wall = math.fsum(r.entry.record.cost.wall_seconds for r in self.results.values())
        return wall / self.n_items if self.n_items else None

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it ran."""
        return tuple(sorted({r.entry.record.cost.device for r in self.results.values()}))

    @property
    def created(self) -> str:
        """The newest record's time."""
        return max(r.entry.record.created for r in self.results.values())

    @property
    def partial(self) -> bool:
        """Whether items of any task are missing."""
        return any(r.entry.record.partial for r in self.results.values())


@dataclass(frozen=True)
class PoolBoard:
    """A pool's rows, best first."""

    pool: Pool
    rows: tuple[Row, ...]
    pairs: tuple[BiasPair, ...]


@dataclass(frozen=True)
class BiasPair:
    """Two groups whose pictures are compared; positive: the first is nearer to pleasant words."""

    metric: str
    first: str
    second: str
    topic: str

    @property
    def title(self) -> str:
        """For a person."""
        return f"{self.first} \N{EN DASH} {self.second}" if self.second else self.first


@dataclass(frozen=True)
class Board:
    """Everything."""

    pools: tuple[PoolBoard, ...]
    tasks: tuple[Task, ...]
    entries: tuple[Entry, ...] = field(default=())

    def models(self) -> dict[str, list[Row]]:
        """Rows of each model page, by its slug."""
        pages: dict[str, list[Row]] = defaultdict(list)
        for board in self.pools:
            for row in board.rows:
                pages[row.slug].append(row)
        return dict(sorted(pages.items()))


def metric_of(result: Result, name: str) -> MetricValue | None:
    """A metric by its name, None where the record does not have it."""
    return next((m for m in result.metrics if m.name == name), None)


def pool_of(entry: Entry) -> Pool:
    """The pool that a record belongs to."""
    task = entry.record.task
    return Pool(task.suite, task.limit, entry.record.settings.compat or task.compat)


def result_of(entry: Entry, task: Task) -> Result:
    """A record seen as the result of a task.

    The estimate is the mean of the task's primary metrics; where the record lacks one of them,
    there is none and the result is not ranked.
    """
    record = entry.record
    by_name = {m.name: m for m in record.metrics}
    primary = [by_name[name] for name in task.primary if name in by_name]
    complete = bool(task.primary) and len(primary) == len(task.primary)
    chances = [m.chance for m in primary if m.chance is not None]
    whole = record.task.limit is not None or (
        record.task.n_items >= task.coverage * record.task.n_expected
    )
    return Result(
        entry=entry,
        task=task,
        estimate=mean_same_items([of_metric(m) for m in primary]) if complete else None,
        chance=math.fsum(chances) / len(chances)
        if complete and len(chances) == len(primary)
        else None,
        covered=whole,
    )


def bias_pairs(rows: Iterable[Row], task: Task | None) -> tuple[BiasPair, ...]:
    """The group pairs that occur, in the task's order; unknown ones after them."""
    present = {
        m.name for row in rows if (found := row.results.get("bias")) for m in found.metrics
    } - {MEAN_ABS_EFFECT}
    measures = [m for m in task.measures if isinstance(m, EffectSize)] if task else []
    known = [
        BiasPair(m.name, m.first.capitalize(), m.second.capitalize(), m.topic or "other")
        for m in measures
        if m.name in present
    ]
    unknown = present - {p.metric for p in known}
    return (*known, *(BiasPair(name, name, "", "other") for name in sorted(unknown)))


def build_board(entries: Sequence[Entry], tasks: Sequence[Task]) -> Board:
    """Group records into pools and rows, and rank the rows of each pool."""
    by_task = {t.name: t for t in tasks}
    ability = [t.name for t in tasks if t.kind == "ability"]
    grouped: dict[Pool, dict[tuple[str, str], list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        model = entry.record.model
        grouped[pool_of(entry)][model.name, model.revision].append(entry)
    slugs = model_slugs({key for models in grouped.values() for key in models})
    pools = []
    for pool in sorted(grouped, key=lambda p: p.order):
        rows = []
        for key in sorted(grouped[pool]):
            results = {
                e.record.task.name: result_of(e, by_task[e.record.task.name])
                for e in grouped[pool][key]
            }
            rows.append(_row(pool, results, ability, slugs[key]))
        pools.append(PoolBoard(pool, _ranked(rows), bias_pairs(rows, by_task.get("bias"))))
    return Board(tuple(pools), tuple(tasks), tuple(entries))


def _row(pool: Pool, results: dict[str, Result], ability: Sequence[str], slug: str) -> Row:
    newest = max(results.values(), key=lambda r: (r.entry.record.created, r.task.name))
    estimates = [
        r.estimate for name in ability if (r := results.get(name)) and r.estimate is not None
    ]
    short = [n for n in ability if (r := results.get(n)) is not None and not r.covered]
    reason = ""
    if len(estimates) < len(ability):
        reason = f"{len(estimates)} of {len(ability)} tasks"
    elif short:
        reason = f"items missing in {', '.join(short)}"
    score = mean_independent(estimates) if len(estimates) == len(ability) else None
    model = newest.entry.record.model
    if not reason and model.family == "control":
        reason = "control"
    return Row(model, pool, results, score, reason, slug=slug)


def _ranked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows by score, best first; rows without a score last; places for those that may have one."""
    ranked = [r for r in rows if not r.reason and r.score is not None]
    found = places({r.name: r.score for r in ranked if r.score is not None})
    placed = [
        Row(r.model, r.pool, r.results, r.score, r.reason, found.get(r.name), r.slug) for r in rows
    ]
    return tuple(
        sorted(placed, key=lambda r: (r.score is None, -(r.score.value if r.score else 0), r.name))
    )


def model_slugs(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """File names of model pages: `name/revision`, told apart where only the case differs."""
    slugs: dict[tuple[str, str], str] = {}
    taken: dict[str, int] = {}
    for name, revision in sorted(keys):
        slug = f"{name}/{revision}"
        again = taken.get(slug.lower(), 0)
        taken[slug.lower()] = again + 1
        slugs[name, revision] = f"{slug}~{again + 1}" if again else slug
    return slugs
