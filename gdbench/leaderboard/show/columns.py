"""The columns of the main table: what a cell says, how it sorts, whether it shows at first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import BiasPair, PoolBoard, Result, Row
from gdbench.leaderboard.judged.trust import BADGES, ORDER
from gdbench.leaderboard.show.estimate import Shown, shown
from gdbench.leaderboard.show.families import FAMILIES
from gdbench.leaderboard.suites import task_title
from gdbench.metrics.estimate import Estimate, of_metric
from gdbench.metrics.measures import MEAN_ABS_EFFECT
from gdbench.numbers import EFFECT, SHARE, Unit, count, flops, seconds
from gdbench.records import MetricValue
from gdbench.tasks.base import Task

_SHADES = 9
_STRONG = (0.2, 0.5, 0.8)  # small, medium, large effect (Cohen 1988, section 2.2)


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str = ""
    interval: str = ""
    style: str = ""
    """Classes."""
    sort: str = ""
    """What it sorts by, empty where it is missing or where the text will do."""


@dataclass(frozen=True)
class Column:
    """One column; `down` columns sort best first from high to low."""

    key: str
    label: str
    cell: Callable[[Row], Cell]
    group: str = ""
    help: str = ""
    numeric: bool = True
    down: bool = True
    shown: bool = True
    chance: float | None = None
    unit: Unit = SHARE
    page: str = ""


def shade(estimate: Estimate, chance: float | None) -> str:
    """Class of a score by how much of the way from chance to 1 it goes; `q0` at chance."""
    base = chance or 0.0
    if estimate.low is not None and not estimate.above(base):
        return "q0"
    share = (estimate.value - base) / (1 - base) if base < 1 else 0.0
    return f"q{min(max(round(share * _SHADES), 1), _SHADES)}" if share > 0 else "q0"


def lean(value: float, *, differs: bool) -> str:
    """Class of an effect size: direction and strength; `e0` where its test finds none."""
    if not differs:
        return "e0"
    strength = 1 + sum(abs(value) >= s for s in _STRONG)
    return f"{'ep' if value > 0 else 'em'}{strength}"


def style_of(metric: MetricValue, result: Result) -> str:
    """Class of a metric: shares by their distance from chance, effect sizes by what they favour."""
    unit = result.task.unit(metric)
    if unit == SHARE:
        return shade(of_metric(metric), metric.chance)
    return lean(metric.value, differs=metric.name in result.leaning) if unit == EFFECT else ""


def _sortable(value: float) -> str:
    """Ten-thousandths: short, and finer than any interval."""
    return str(round(value * 10_000))


def _number(text: Shown, value: float, style: str = "") -> Cell:
    return Cell(text.text, text.interval, style, _sortable(value))


def _score(row: Row) -> Cell:
    if row.score is None:
        return Cell()
    return _number(shown(row.score, SHARE), row.score.value, "total")


def _task(task: Task) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        result = row.results.get(task.name)
        if result is None or result.estimate is None:
            return Cell()
        e = result.estimate
        style = shade(e, result.chance) if task.score_unit == SHARE else ""
        return _number(
            shown(e, task.score_unit), e.value, style if result.covered else f"{style} short"
        )

    return cell


def _bias(task: str, metric: str) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        m = row.metric(task, metric)
        if m is None:
            return Cell()
        result = row.results[task]
        text = shown(of_metric(m), result.task.unit(m))
        return Cell(text.text, text.interval, style_of(m, result), _sortable(m.value))

    return cell


def _passes(row: Row) -> Cell:
    if row.passes is None or row.passes_per_item is None:
        return Cell()
    return Cell(count(row.passes), f"{row.passes_per_item:,.0f} an item", sort=str(row.passes))


def _flops(row: Row) -> Cell:
    if row.flops is None or row.flops_per_item is None:
        return Cell("unknown")
    if not row.flops:
        return Cell(flops(0), "no network", sort="0")
    passes = row.passes_per_item
    each = flops(row.flops_per_item) if passes is None else f"{passes:,.0f} passes"
    return Cell(flops(row.flops), f"{each} an item", sort=str(row.flops))


def _speed(row: Row) -> Cell:
    s, ends = row.seconds_per_item, row.seconds_range
    if s is None or ends is None:
        return Cell()
    return Cell(seconds(s), f"{seconds(ends[0])} to {seconds(ends[1])}", sort=f"{s:.4g}")


def _family(row: Row) -> Cell:
    return Cell(FAMILIES[row.model.family].label, style=f"t f-{row.model.family}")


def _device(row: Row) -> Cell:
    return Cell(", ".join(row.devices), style="t")


def _size(row: Row) -> Cell:
    n = row.model.parameters
    return Cell() if n is None else Cell(count(n), sort=str(n))


def _badge(row: Row) -> Cell:
    badge = row.trust.badge
    return Cell(BADGES[badge].label, style=f"t b-{badge}", sort=str(ORDER[badge]))


def task_column(task: Task, suite: str, results: Sequence[Result], group: str = "") -> Column:
    """A task's score in a suite."""
    chances = [r.chance for r in results if r.chance is not None]
    return Column(
        f"t-{task.name}",
        task_title(task, suite),
        _task(task),
        group,
        task.description,
        chance=chances[0] if chances else None,
        unit=task.score_unit,
        page=task.name,
    )


def bias_columns(pairs: Sequence[BiasPair]) -> list[Column]:
    """The first pair of each topic and the mean absolute effect show at first."""
    seen: set[str] = set()
    found = []
    for pair in pairs:
        found.append(
            Column(
                f"b-{pair.metric}",
                pair.title,
                _bias(pair.task, pair.metric),
                f"bias: {pair.topic}",
                f"Effect size; positive: {pair.first} nearer to pleasant words",
                shown=pair.topic not in seen,
            )
        )
        seen.add(pair.topic)
    found += [
        Column(
            f"b-mean-{task}" if number else "b-mean",
            f"Mean |effect|, {task}" if number else "Mean |effect|",
            _bias(task, MEAN_ABS_EFFECT),
            "bias",
            "Mean absolute effect size over all pairs; lower is more even-handed",
            down=False,
        )
        for number, task in enumerate(dict.fromkeys(pair.task for pair in pairs))
    ]
    return found


def columns(board: PoolBoard, tasks: Sequence[Task]) -> list[Column]:
    """All columns of a pool after rank and model."""
    ability = [t for t in tasks if t.kind == "ability"]
    results = {t.name: [r for row in board.rows if (r := row.results.get(t.name))] for t in tasks}
    others = [
        t for t in tasks
        if t.kind != "ability" and any(r.estimate is not None for r in results[t.name])
    ]  # fmt: skip
    return [
        Column("family", "Family", _family, help="As claimed", numeric=False, down=False,
               shown=False),
        Column("score", "GDBench", _score, help="Mean of the seven task scores"),
        *(task_column(t, board.pool.suite, results[t.name]) for t in ability),
        *(
            task_column(t, board.pool.suite, results[t.name], "not in the score")
            for t in others
        ),
        *bias_columns(board.pairs),
        Column("passes", "Passes", _passes, "cost", "Network evaluations, counted", down=False,
               shown=False),
        Column("flops", "Operations", _flops, "cost",
               "Floating-point operations, counted; unknown in records made before they were",
               down=False),
        Column("speed", "Time/item", _speed, "cost, claimed",
               "Wall time, and that of the fastest and the slowest task; of one device only",
               down=False, shown=False),
        Column("device", "Device", _device, "cost, claimed", numeric=False, down=False,
               shown=False),
        Column("size", "Size", _size, "model, claimed", "Parameters", shown=False),
        Column("badge", "Evidence", _badge, numeric=False),
        Column("date", "Date", lambda r: Cell(r.created[:10], style="t day"), numeric=False),
    ]  # fmt: skip
