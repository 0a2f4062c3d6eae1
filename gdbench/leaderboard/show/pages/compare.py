"""Two models side by side: what differs, how sure that is, and on which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gdbench.leaderboard.gather.items import items_of
from gdbench.leaderboard.judged.board import Board, Pool, PoolBoard, Row
from gdbench.leaderboard.judged.pairs import Difference, Disagreements, Pair
from gdbench.leaderboard.judged.published import PublishedModel
from gdbench.leaderboard.show.estimate import Shown, shown
from gdbench.leaderboard.show.pages.examples import ItemPlace
from gdbench.leaderboard.show.paths import p_text, pair_page, pool_key
from gdbench.leaderboard.show.plots import forest
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.metrics.estimate import Estimate, of_metric
from gdbench.metrics.paired import PairedDifference
from gdbench.numbers import SHARE, Unit, count, flops, seconds, value_text
from gdbench.tasks.base import Task

ItemPages = Mapping[tuple[str, str], ItemPlace]
"""Where an item's example is, by task and item."""


@dataclass(frozen=True)
class Line:
    """A difference as it is printed."""

    title: str
    difference: Difference
    shown: Shown
    values: tuple[str, ...]
    p: str
    items: tuple[str, ...]
    """n, on how many either is better, what is detectable."""

    @property
    def sure(self) -> bool:
        """Whether the two can be told apart on it."""
        return self.difference.significant()


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
    sides: tuple[tuple[str, int, tuple[Disagreement, ...]], ...]
    """For each of the two: its name, on how many items it is better, the first of them."""


def write(
    renderer: Renderer,
    board: Board,
    item_pages: ItemPages,
    cited: Sequence[tuple[PublishedModel, Sequence[tuple[str, str]]]],
) -> None:
    """Write `compare/index.html` and a page for each pair; `cited` are pairs of other pages."""
    tasks = {t.name: t for t in board.tasks}
    views = []
    for pool in board.pools:
        found: list[dict[str, object]] = []
        for pair in pool.compared:
            first, second = pool.by_name[pair.first], pool.by_name[pair.second]
            path = pair_page(pool_key(pool.pool), first.slug, second.slug)
            _pair(renderer, pool, pair, tasks, item_pages, path)
            found.append({"first": first, "second": second, "page": path,
                          "shown": _shown(pair.total, SHARE) if pair.total else None,
                          "sure": pair.total is not None and pair.total.significant()})  # fmt: skip
        if found:
            named = {name for pair in pool.compared for name in (pair.first, pair.second)}
            views.append({"key": pool_key(pool.pool), "title": pool.pool.title,
                          "about": suite_words(pool.pool.suite).about, "pairs": found,
                          "rows": [r for r in pool.rows if r.name in named]})  # fmt: skip
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
    pool: PoolBoard,
    pair: Pair,
    tasks: Mapping[str, Task],
    item_pages: ItemPages,
    path: str,
) -> None:
    first, second = pool.by_name[pair.first], pool.by_name[pair.second]
    suite = pool.pool.suite
    lines = [] if pair.total is None else [_line(pair.total, "GDBench score", SHARE)]
    lines += [_line(d, task_title(tasks[d.name], suite), tasks[d.name].score_unit)
              for d in pair.tasks]  # fmt: skip
    renderer.page(
        path,
        "pair.html",
        title=f"{first.label} and {second.label}",
        here="compare",
        pool=pool.pool,
        about=suite_words(suite).about,
        first=first,
        second=second,
        total=lines[0] if pair.total else None,
        lines=lines,
        paired=bool(pair.tasks) and isinstance(pair.tasks[0], PairedDifference),
        plot=_plot(lines, first, second),
        bias=_bias(pool, first, second),
        cost=_cost(first, second),
        items=[_items(pool.pool, d, tasks[d.task], (first.label, second.label), item_pages)
               for d in pair.items],
    )  # fmt: skip


def _plot(lines: Sequence[Line], first: Row, second: Row) -> str | None:
    if not lines:
        return None
    return forest.draw(
        [
            forest.Line(x.title, "other", _estimate(x.difference),
                        _shown(x.difference, SHARE).text)
            for x in lines
        ],
        f"Differences {first.label} less {second.label} in points, with 95 % intervals",
        reference=0.0,
        unit=SHARE,
        difference=True,
        axis="points",
        note="no difference",
    )  # fmt: skip


def _estimate(d: Difference) -> Estimate:
    return Estimate(d.difference, d.low, d.high)


def _shown(d: Difference, unit: Unit) -> Shown:
    return shown(_estimate(d), unit, difference=True)


def _line(d: Difference, title: str, unit: Unit) -> Line:
    p = d.p_value if d.p_holm is None else d.p_holm
    cells = [value_text(d.first, unit), value_text(d.second, unit)]
    text = _shown(d, unit)
    items = ["", "", ""]
    if isinstance(d, PairedDifference):
        items = [f"{d.n:,}", f"{d.first_better} : {d.second_better}",
                 value_text(d.detectable, unit)]  # fmt: skip
    return Line(title, d, text, tuple(cells), "" if p is None else p_text(p), tuple(items))


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
    found = [
        both("Operations", *("unknown" if r.flops is None else flops(r.flops) for r in rows)),
        # seconds say nothing across devices
        *([both("Time per item", *map(_seconds, rows))] if one_device else []),
        both("Network evaluations", *("" if r.passes is None else count(r.passes) for r in rows)),
        both("Parameters", *("" if (n := r.model.parameters) is None else count(n) for r in rows)),
        both("Device", *(", ".join(r.devices) for r in rows)),
    ]
    return [line for line in found if any(line[1:])]


def _items(
    pool: Pool,
    found: Disagreements,
    task: Task,
    labels: tuple[str, str],
    item_pages: ItemPages,
) -> TaskItems:
    sides = ((found.n_first, found.first_better), (found.n_second, found.second_better))
    return TaskItems(
        task_title(task, pool.suite),
        tuple(
            (label, n, tuple(_disagreement(pool, task, i, item_pages) for i in items))
            for label, (n, items) in zip(labels, sides, strict=True)
        ),
    )


def _disagreement(pool: Pool, task: Task, item: str, item_pages: ItemPages) -> Disagreement:
    items = items_of(task, pool.suite)
    words = ""
    if items is not None and item in items:
        one = items[item]
        words = one.texts[one.gold[0]] if len(one.images) == 1 else one.texts[0]
    return Disagreement(item, item_pages.get((task.name, item)), words)
