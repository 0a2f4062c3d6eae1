"""What the site shows, as plain values: pools of comparable results, rows, ranks.

A pool holds results that may stand in one ranking: the same suite, the same part of it, the same
mode. Nothing here knows HTML.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judged.capabilities import CapabilityTable
from gdbench.leaderboard.judged.examples import Example
from gdbench.leaderboard.judged.pairs import Pair
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import LOCAL, Trust, weakest
from gdbench.leaderboard.suites import suite_words
from gdbench.leaderboard.words import DASH
from gdbench.metrics.estimate import Estimate
from gdbench.protocol import ModelCard
from gdbench.records import MetricValue
from gdbench.tasks.base import Task

_SUITE_ORDER = {"full": 0, "mini2": 1, "mini": 2}


@dataclass(frozen=True)
class Pool:
    """Which results are compared with each other."""

    suite: str
    limit: int | None = None
    """At most so many items of each sub-task; None where nothing was left out."""
    compat: str | None = None
    item_seed: int = 0
    """Which items a limit chooses."""

    @property
    def order(self) -> tuple[object, ...]:
        """Full before mini, the newer version first, before variants; whole suites before parts.

        The default mode comes first.
        """
        return (
            self.limit is not None,
            _SUITE_ORDER.get(self.suite, 3),
            self.suite,
            self.compat or "",
            self.limit or 0,
            self.item_seed,
        )

    @property
    def title(self) -> str:
        """For a person."""
        words = [suite_words(self.suite).title]
        if self.compat:
            words.append(f"{self.compat} mode")
        if self.limit is not None:
            words.append(f"at most {self.limit} items of each sub-task")
        if self.item_seed:
            words.append(f"chosen by seed {self.item_seed}")
        return ", ".join(words)


@dataclass(frozen=True)
class Place:
    """A rank interval, and the group whose first model it cannot be told apart from."""

    best: int
    worst: int
    group: int

    @property
    def text(self) -> str:
        """One number, or two with a dash."""
        return str(self.best) if self.best == self.worst else f"{self.best}{DASH}{self.worst}"


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
    reading: Reading
    leaning: frozenset[str] = frozenset()
    """Effect sizes that their tests tell from zero, by the metric's name."""

    @property
    def trust(self) -> Trust:
        """Its badge."""
        return self.reading.trust

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
    label: str = ""
    """Its name on the pages: the model's, with the revision where two would be alike."""
    variant_of: str = ""
    """Name of the row that it is another budget, precision or LoRA of; it has no place."""

    @property
    def name(self) -> str:
        """Name and revision, and whether it is a local run: what a pool knows its rows by."""
        local = " (local run)" if self.trust.badge == LOCAL else ""
        return f"{self.model.name}@{self.model.revision}{local}"

    @property
    def trust(self) -> Trust:
        """The weakest badge of its results."""
        return weakest({name: r.trust for name, r in self.results.items()})

    def metric(self, task: str, name: str) -> MetricValue | None:
        """A metric of a task, where the row has it."""
        result = self.results.get(task)
        return None if result is None else metric_of(result, name)

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
    def passes_per_item(self) -> float | None:
        """Network evaluations by the number of items; None for models without timesteps."""
        return self.passes / self.n_items if self.passes is not None and self.n_items else None

    @property
    def flops(self) -> int | None:
        """Floating-point operations in all tasks; None where those of any are not known."""
        known = [f for r in self.results.values() if (f := r.entry.record.cost.flops) is not None]
        return sum(known) if known and len(known) == len(self.results) else None

    @property
    def flops_per_item(self) -> float | None:
        """Operations by the number of items; None where they are not known."""
        return self.flops / self.n_items if self.flops is not None and self.n_items else None

    @property
    def seconds_range(self) -> tuple[float, float] | None:
        """Wall time per item of its fastest and its slowest task; None where any is not known."""
        found = [
            r.entry.record.cost.wall_seconds / r.entry.record.task.n_items
            for r in self.results.values()
            if r.entry.record.cost.wall_seconds is not None and r.entry.record.task.n_items
        ]
        return (min(found), max(found)) if found and len(found) == len(self.results) else None

    @property
    def seconds_per_item(self) -> float | None:
        """Wall time over all tasks by the number of items."""
        walls = [r.entry.record.cost.wall_seconds for r in self.results.values()]
        known = [wall for wall in walls if wall is not None]
        return (
            math.fsum(known) / self.n_items if self.n_items and len(known) == len(walls) else None
        )

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it ran: what the devices call themselves, where that is known."""
        costs = [r.entry.record.cost for r in self.results.values()]
        return tuple(sorted({cost.device_name or cost.device for cost in costs}))

    @property
    def created(self) -> str:
        """The newest record's time."""
        return max(r.entry.record.created for r in self.results.values())

    @property
    def partial(self) -> bool:
        """Whether items of any task are missing."""
        return any(r.entry.record.partial for r in self.results.values())


@dataclass(frozen=True)
class BiasPair:
    """Two groups whose pictures are compared; positive: the first is nearer to pleasant words."""

    metric: str
    """Name of the metric in `task`."""
    first: str
    second: str
    topic: str
    task: str

    @property
    def title(self) -> str:
        """For a person."""
        return f"{self.first} \N{EN DASH} {self.second}" if self.second else self.first


@dataclass(frozen=True)
class Detectable:
    """The smallest true difference of two models that a paired test finds in four of five cases."""

    value: float
    measured: bool
    """Median over pairs of models; else for two that disagree on a quarter of the items."""


@dataclass(frozen=True)
class Precision:
    """What a wanted precision takes of one row."""

    row: str
    n: int
    half_width: float
    """Of its interval now."""
    items: tuple[tuple[float, int], ...]
    """Half width, and the items that make its interval as narrow."""
    samples: int | None
    noise: float | None
    """The largest noise error of the primary metrics; None where it was not estimated."""
    samples_for_noise: int | None
    """Samples that make it one point; None: out of reach."""


@dataclass(frozen=True)
class TaskStanding:
    """A task in one pool."""

    order: tuple[str, ...]
    """Names of its rows, best first."""
    scored: bool
    """Whether any has a score."""
    n_items: int
    """The most that any answered."""
    detectable: Detectable | None
    precision: tuple[Precision, ...]


@dataclass(frozen=True)
class PoolBoard:
    """A pool's rows, best first, and what follows from them."""

    pool: Pool
    rows: tuple[Row, ...]
    pairs: tuple[BiasPair, ...]
    tested: bool = False
    """Whether ranks rest on paired tests (else on the intervals of the scores)."""
    front: tuple[str, ...] = ()
    """Ranked rows, cheapest first, each surely better than all that are cheaper."""
    compared: tuple[Pair, ...] = ()
    neighbours: int | None = None
    """In a large pool each row is compared with so many next ones; None: all with all."""
    tasks: Mapping[str, TaskStanding] = field(default_factory=dict)
    capabilities: CapabilityTable | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Row]:
        """The rows by their names."""
        return {row.name: row for row in self.rows}


@dataclass(frozen=True)
class Exhibition:
    """The items that are shown, of one pool."""

    pool: Pool
    models: Mapping[str, tuple[str, ...]]
    """Names of the rows that answered, best first, by task."""
    tasks: Mapping[str, Mapping[str, tuple[Example, ...]]]
    """By task and sub-task, in the task's order."""


@dataclass(frozen=True)
class Board:
    """Everything."""

    pools: tuple[PoolBoard, ...]
    tasks: tuple[Task, ...]
    entries: tuple[Entry, ...] = field(default=())
    exhibition: Exhibition | None = None
    """The items whose answers are shown."""

    def pool(self, pool: Pool) -> PoolBoard:
        """The board of a pool. Raises KeyError."""
        return {found.pool: found for found in self.pools}[pool]

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
