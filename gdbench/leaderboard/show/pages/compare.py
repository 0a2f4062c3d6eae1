"""Two models side by side: what differs, how sure that is, and on which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from gdbench.leaderboard.judge.compare import Difference, differences
from gdbench.leaderboard.judge.evidence import Evidence, items_of
from gdbench.leaderboard.judge.published.figures import PublishedModel
from gdbench.leaderboard.judged.board import Board, Pool, PoolBoard, Row
from gdbench.leaderboard.judged.trust import COMPARED
from gdbench.leaderboard.show.estimate import Shown, shown
from gdbench.leaderboard.show.pages.examples import ItemPlace
from gdbench.leaderboard.show.paths import p_text, pair_page, pool_key
from gdbench.leaderboard.show.plots import forest
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import SHARE, Unit, count, flops, seconds, value_text
from gdbench.tasks.base import Task

ALL_PAIRS_UP_TO = 16  # models; beyond, each model is compared with its next neighbours
NEIGHBOURS = 3
MOST_COMPARED = 200  # of a larger pool: the best
MOST_ITEMS = 12

ItemPages = Mapping[tuple[str, str], ItemPlace]
"""Where an item's example is, by task and item."""


@dataclass(frozen=True)
class Line:
    """One task."""

    title: str
    task: str
    first: str
    second: str
    shown: Shown
    sure: bool
    p: str
    n: str
    better: str
    detectable: str
    paired: bool


@dataclass(frozen=True)
class Disagreement:
    """An item that one model has right and the other wrong."""

    item: str
    place: ItemPlace | None
    words: str


@dataclass(frozen=True)
class TaskItems:
    """Items of a task on which the two disagree."""

    title: str
    first_right: tuple[Disagreement, ...]
    n_first: int
    second_right: tuple[Disagreement, ...]
    n_second: int


def comparable(board: PoolBoard) -> list[Row]:
    """Rows whose numbers follow from scores, in the order of the board."""
    return [
        r
        for r in board.rows
        if r.trust.badge in COMPARED and any(x.estimate for x in r.results.values())
    ]


def pairs_of(board: PoolBoard) -> list[tuple[Row, Row]]:
    """Pairs that get a page: all of a small pool, neighbours in the ranking of a large one.

    Results whose numbers do not follow from scores are compared with none.
    """
    rows = comparable(board)
    if len(rows) <= ALL_PAIRS_UP_TO:
        return list(combinations(rows, 2))
    rows = rows[:MOST_COMPARED]
    return [(a, b) for i, a in enumerate(rows) for b in rows[i + 1 : i + 1 + NEIGHBOURS]]


def write(
    renderer: Renderer,
    board: Board,
    evidence: Mapping[Pool, Mapping[str, Evidence]],
    item_pages: ItemPages,
    cited: Sequence[tuple[PublishedModel, Sequence[tuple[str, str]]]],
) -> None:
    """Write `compare/index.html` and a page for each pair; `cited` are pairs of other pages."""
    views = []
    for pool in board.pools:
        found: list[dict[str, object]] = []
        rows: dict[str, Row] = {}
        for first, second in pairs_of(pool):
            total, lines = differences(
                first, second, evidence[pool.pool],
                tuple(t.name for t in board.tasks if t.kind == "ability"),
            )  # fmt: skip
            path = pair_page(pool_key(pool.pool), first.slug, second.slug)
            _pair(
                renderer, board, pool, (first, second), (total, lines), evidence, item_pages, path
            )
            rows |= {first.slug: first, second.slug: second}
            text = shown(total.difference, SHARE, difference=True) if total else None
            found.append({"first": first, "second": second, "page": path, "shown": text,
                          "sure": total.sure if total else False})  # fmt: skip
        if found:
            ordered = [r for r in pool.rows if r.slug in rows]
            views.append({"key": pool_key(pool.pool), "title": pool.pool.title,
                          "about": suite_words(pool.pool.suite).about, "pairs": found,
                          "rows": ordered})  # fmt: skip
    renderer.page(
        "compare/index.html",
        "compare.html",
        title="Compare",
        here="compare",
        pools=views,
        cited=cited,
    )


def _pair(
    renderer: Renderer,
    board: Board,
    pool: PoolBoard,
    rows: tuple[Row, Row],
    found: tuple[Difference | None, Sequence[Difference]],
    evidence: Mapping[Pool, Mapping[str, Evidence]],
    item_pages: ItemPages,
    path: str,
) -> None:
    first, second = rows
    total, lines = found
    tasks = {t.name: t for t in board.tasks}
    plot = _plot(total, lines, tasks, first, second)
    known = evidence[pool.pool]
    both = (known.get(first.name), known.get(second.name))
    renderer.page(
        path,
        "pair.html",
        title=f"{first.label} and {second.label}",
        here="compare",
        pool=pool.pool,
        about=suite_words(pool.pool.suite).about,
        first=first,
        second=second,
        total=_line(total, "GDBench score", SHARE) if total else None,
        lines=[
            _line(d, task_title(tasks[d.name], pool.pool.suite), tasks[d.name].score_unit)
            for d in lines
        ],
        plot=plot,
        bias=_bias(pool, first, second),
        cost=_cost(first, second),
        items=_items(pool.pool, both, [tasks[d.name] for d in lines], item_pages),
    )


def _plot(
    total: Difference | None,
    lines: Sequence[Difference],
    tasks: Mapping[str, Task],
    first: Row,
    second: Row,
) -> str | None:
    drawn = [("GDBench score", total.difference)] if total else []
    drawn += [(task_title(tasks[d.name], first.pool.suite), d.difference) for d in lines]
    if not drawn:
        return None
    return forest.draw(
        [
            forest.Line(title, "other", e, shown(e, SHARE, difference=True).text)
            for title, e in drawn
        ],
        f"Differences {first.label} less {second.label} in points, with 95 % intervals",
        reference=0.0,
        unit=SHARE,
        difference=True,
        axis="points",
        note="no difference",
    )


def _line(d: Difference, title: str, unit: Unit) -> Line:
    text = shown(d.difference, unit, difference=True)
    p = d.p if d.p_holm is None else d.p_holm
    return Line(
        title=title,
        task=d.name,
        first=value_text(d.first, unit),
        second=value_text(d.second, unit),
        shown=text,
        sure=d.sure,
        p="" if p is None else p_text(p),
        n="" if d.n is None else f"{d.n:,}",
        better="" if d.first_better is None else f"{d.first_better} : {d.second_better}",
        detectable=value_text(d.detectable, unit),
        paired=d.paired,
    )


def _bias(pool: PoolBoard, first: Row, second: Row) -> list[tuple[str, Shown | None, Shown | None]]:
    found = []
    for pair in pool.pairs:
        a, b = (
            None
            if (m := row.metric(pair.task, pair.metric)) is None
            else shown(of_metric(m), row.results[pair.task].task.unit(m))
            for row in (first, second)
        )
        if a is not None or b is not None:
            found.append((pair.title, a, b))
    return found


def _seconds(row: Row) -> str:
    """Time per item, and that of the fastest and the slowest task."""
    s, ends = row.seconds_per_item, row.seconds_range
    if s is None or ends is None:
        return ""
    return f"{seconds(s)} ({seconds(ends[0])} to {seconds(ends[1])})"


def _cost(first: Row, second: Row) -> list[tuple[str, str, str]]:
    def both(label: str, *values: str) -> tuple[str, str, str]:
        return label, values[0], values[1]

    rows = (first, second)
    one_device = first.devices == second.devices and len(first.devices) == 1
    return [
        both("Operations", *("unknown" if r.flops is None else flops(r.flops) for r in rows)),
        # seconds say nothing across devices
        *([both("Time per item", *map(_seconds, rows))] if one_device else []),
        both("Network evaluations", *("" if r.passes is None else count(r.passes) for r in rows)),
        both("Parameters", *("" if (n := r.model.parameters) is None else count(n) for r in rows)),
        both("Device", *(", ".join(r.devices) for r in rows)),
    ]


def _items(
    pool: Pool,
    both: tuple[Evidence | None, Evidence | None],
    tasks: Sequence[Task],
    item_pages: ItemPages,
) -> list[TaskItems]:
    a, b = both
    if a is None or b is None:
        return []
    found = []
    for task in tasks:
        credit = [_credits(e, task) for e in (a, b)]
        common = sorted(credit[0].keys() & credit[1].keys())
        better = [i for i in common if credit[0][i] > credit[1][i]]
        worse = [i for i in common if credit[0][i] < credit[1][i]]
        if better or worse:
            found.append(
                TaskItems(
                    task_title(task, pool.suite),
                    tuple(_disagreement(pool, task, i, item_pages) for i in better[:MOST_ITEMS]),
                    len(better),
                    tuple(_disagreement(pool, task, i, item_pages) for i in worse[:MOST_ITEMS]),
                    len(worse),
                )
            )
    return found


def _credits(evidence: Evidence, task: Task) -> dict[str, float]:
    """Credit of each item summed over the task's primary metrics."""
    total: dict[str, float] = {}
    for name in task.primary:
        sample = evidence.metrics.get(task.name, {}).get(name)
        if sample is not None:
            for item, value in zip(sample.ids, sample.expected.tolist(), strict=True):
                total[item] = total.get(item, 0.0) + value
    return total


def _disagreement(pool: Pool, task: Task, item: str, item_pages: ItemPages) -> Disagreement:
    items = items_of(task, pool.suite)
    words = ""
    if items is not None and item in items:
        one = items[item]
        words = one.texts[one.gold[0]] if len(one.images) == 1 else one.texts[0]
    return Disagreement(item, item_pages.get((task.name, item)), words)
