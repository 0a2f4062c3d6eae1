"""A page for each model: its card, every number with its interval, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judged.board import Board, PoolBoard, Result, Row
from gdbench.leaderboard.judged.trust import BADGES, RANKED
from gdbench.leaderboard.show.columns import style_of
from gdbench.leaderboard.show.estimate import Shown, shown
from gdbench.leaderboard.show.pages.data import small_scores
from gdbench.leaderboard.show.pages.examples import Entrances
from gdbench.leaderboard.show.paths import model_page, p_text, record_path, scores_path, task_page
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.leaderboard.words import DASH, file_name, typeset, web_link
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import SHARE, count, flops, interval_text, seconds, size_in_bytes, value_text
from gdbench.protocol import ModelCard
from gdbench.records import Cost, MetricValue, Operations, ResultRecord


@dataclass(frozen=True)
class MetricView:
    """One line of a metric table."""

    name: str
    shown: Shown
    chance: str
    n: int
    ties: int
    tie_range: str
    noise: str
    p: str
    style: str
    primary: bool


@dataclass(frozen=True)
class TaskView:
    """One task of a model."""

    anchor: str
    title: str
    page: str
    score: Shown | None
    metrics: tuple[MetricView, ...]
    tested: bool
    """Whether any of the metrics has a p-value."""
    tied: bool
    """Whether any of them has ties."""
    noisy: bool
    """Whether the noise of any was estimated."""
    with_chance: bool
    signature: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    examples: str
    """First page of its items, where these are shown."""


@dataclass(frozen=True)
class PoolView:
    """One suite of a model."""

    title: str
    about: str
    score: Shown | None
    rank: str
    of: int
    reason: str
    tasks: tuple[TaskView, ...]
    label: str


def write(renderer: Renderer, board: Board, entrances: Entrances) -> None:
    """Write `models/<name>/<revision>.html` for all."""
    boards = {pool.pool: pool for pool in board.pools}
    order = [t.name for t in board.tasks]
    for slug, rows in board.models().items():
        newest = max(rows, key=lambda r: r.created)
        renderer.page(
            model_page(slug),
            "model.html",
            title=newest.label,
            here="measured",
            card=newest.model,
            facts=_card_facts(newest.model),
            pools=[
                _pool_view(
                    row,
                    boards[row.pool],
                    order,
                    entrances.models if entrances.pool == row.pool else {},
                )
                for row in rows
            ],
        )


def _card_facts(card: ModelCard) -> list[tuple[str, str, str]]:
    rows = [
        ("Parameters (claimed)", count(card.parameters) if card.parameters is not None else "", ""),
        (
            "Input side (claimed)",
            f"{card.resolution} px" if card.resolution is not None else "",
            "",
        ),
        ("Licence (claimed)", card.license, ""),
        ("Source", card.source, ""),
        ("Link", card.url, web_link(card.url)),
        ("Weights", f"sha256 {card.weights_sha256}" if card.weights_sha256 else "", ""),
    ]
    return [row for row in rows if row[1]]


def _pool_view(
    row: Row, board: PoolBoard, order: list[str], entrances: Mapping[tuple[str, str], str]
) -> PoolView:
    results = sorted(row.results.values(), key=lambda r: (order.index(r.task.name), r.task.name))
    return PoolView(
        title=row.pool.title,
        about=suite_words(row.pool.suite).about,
        score=shown(row.score, SHARE) if row.score else None,
        rank=row.place.text if row.place else "",
        of=sum(r.place is not None for r in board.rows),
        reason=f"not ranked: {row.reason}" if row.reason else "",
        tasks=tuple(
            _task_view(result, row, entrances.get((row.name, result.task.name), ""))
            for result in results
        ),
        label=row.label,
    )


def _task_view(result: Result, row: Row, examples: str) -> TaskView:
    record, task = result.entry.record, result.task
    metrics = tuple(metric_view(m, result) for m in record.metrics)
    return TaskView(
        anchor=f"{file_name(task.name)}-{file_name(record.task.suite)}",
        title=task_title(task, record.task.suite),
        page=task_page(task.name),
        score=shown(result.estimate, task.score_unit) if result.estimate else None,
        metrics=metrics,
        tested=any(m.p for m in metrics),
        tied=any(m.ties for m in metrics),
        noisy=any(m.noise for m in metrics),
        with_chance=any(m.chance for m in metrics),
        signature=record.signature,
        facts=(*_evidence_facts(result), *run_facts(record), *_scores_fact(result.entry)),
        links=tuple(_links(result.entry, row.slug)),
        examples=examples,
    )


def _links(entry: Entry, slug: str) -> list[tuple[str, str]]:
    links = [("record", record_path(entry.record, slug))]
    if small_scores(entry) is not None:
        links.append(("scores", scores_path(entry.record, slug)))
    return links


def _evidence_facts(result: Result) -> list[tuple[str, str]]:
    """The level of evidence, and who ran the model again on what."""
    info = BADGES[result.trust.badge]
    facts = [("Evidence", f"{info.label} {result.trust.reason}".strip()), ("That is", info.help)]
    audit = result.reading.audit
    if audit is not None and result.trust.badge in RANKED:
        facts += [
            ("Run again", f"{audit.items:,} of {audit.of:,} items by {audit.by} on {audit.date}"),
            ("Answers that changed", "0"),
            ("Largest difference", f"{audit.largest:.2g}"),
            ("Drawn by", audit.randomness),
        ]
    return facts


def _scores_fact(entry: Entry) -> list[tuple[str, str]]:
    """Where a score file is that is too large for the site."""
    if entry.scores is None or not entry.place or small_scores(entry) is not None:
        return []
    size = size_in_bytes(entry.scores.stat().st_size)
    return [("Scores", f"submissions/{entry.place}/scores.parquet, {size}")]


def metric_view(metric: MetricValue, result: Result) -> MetricView:
    """A metric as it is printed in its unit."""
    unit = result.task.unit(metric)
    text = shown(of_metric(metric), unit)
    bounds = (metric.strict, metric.lenient) if metric.ties else (None, None)
    return MetricView(
        name=metric.name,
        shown=text,
        chance=typeset(value_text(metric.chance, unit)),
        n=metric.n,
        ties=metric.ties,
        tie_range=typeset(interval_text(*bounds, unit, between=DASH)),
        noise=value_text(metric.noise_se, unit, places=2).removeprefix("+"),
        p="" if metric.p_value is None else p_text(metric.p_value),
        style=style_of(metric, result),
        primary=metric.name in result.task.primary,
    )


def run_facts(record: ResultRecord) -> tuple[tuple[str, str], ...]:
    """Settings, cost and environment of a record, without what is empty."""
    settings = record.settings.model_dump(exclude_none=True, exclude={"timesteps", "extra"})
    cost, env = record.cost, record.environment
    rows = [
        ("Items", f"{record.task.n_items:,} of {record.task.n_expected:,}"),
        ("Task version", record.task.version),
        ("Hash of items", record.task.manifest_sha256),
        *((key.replace("_", " "), _setting(value)) for key, value in settings.items()),
        # a name of the submitter's must not pass for one of the rows beside it, such as Evidence
        *((f"own setting {k} (claimed)", v) for k, v in sorted(record.settings.extra.items())),
        ("Texts cut by the tokenizer", str(record.truncated_texts)),
        ("Wall time (claimed)", "" if (s := cost.wall_seconds) is None else seconds(s)),
        (
            "of it on the device (claimed)",
            "" if (s := cost.device_seconds) is None else seconds(s),
        ),
        ("Passes", "" if cost.unet_evaluations is None else f"{cost.unet_evaluations:,}"),
        ("Floating-point operations", _operations(cost)),
        (
            "Peak memory (claimed)",
            "" if (n := cost.peak_memory_bytes) is None else size_in_bytes(n),
        ),
        (
            "Peak memory of the device (claimed)",
            "" if (n := cost.peak_device_memory_bytes) is None else size_in_bytes(n),
        ),
        ("Device (claimed)", f"{cost.device} {cost.device_name}".strip()),
        ("gdbench", env.gdbench + (f" at {env.git_commit}" if env.git_commit else "")),
        ("Python", env.python),
        ("Platform (claimed)", env.platform),
        ("Packages (claimed)", ", ".join(f"{k} {v}" for k, v in sorted(env.packages.items()))),
        ("Hash of scores", record.scores_sha256),
        ("Made (claimed)", record.created),
    ]
    return tuple((label, value) for label, value in rows if value)


def _operations(cost: Cost) -> str:
    """How many, and of what they are made."""
    found = cost.operations
    if not isinstance(found, Operations):
        return f"unknown: {found or 'the record was made before they were counted'}"
    parts = [
        f"{n:,} {what} of {flops(each)}"
        for n, what, each in (
            (found.pictures, "pictures", found.picture_flops),
            (found.texts, "texts", found.text_flops),
            (found.passes, "passes", found.pass_flops),
        )
        if each
    ]
    if found.varying_flops:
        parts.append(f"{found.passes:,} passes of {flops(found.varying_flops)} together")
    return f"{flops(found.flops)}: {', '.join(parts)}" if parts else "none: there is no network"


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, tuple | list):
        return " x ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
