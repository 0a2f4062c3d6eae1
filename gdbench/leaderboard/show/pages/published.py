"""Pages of published numbers: all sources, each model, each pair, and what a task's page shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gdbench.leaderboard.judged.published import (
    PUBLISHED,
    Cited,
    Collection,
    Measured,
    PublishedModel,
    Verdict,
    with_outcome,
)
from gdbench.leaderboard.show import sentences
from gdbench.leaderboard.show.paths import p_text, pair_page, published_page
from gdbench.leaderboard.show.plots import difference
from gdbench.leaderboard.show.published_table import anchor_of
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.words import typeset
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, interval_text, value_text

_WAYS = {
    "none": "naive: the bare error",
    "minus": "normalised",
    "ratio": "divided by the error under the empty prompt",
}
_STEP = 0.05  # ends of the scale on which differences are drawn are multiples of it


@dataclass(frozen=True)
class Line:
    """One sentence with its plot."""

    title: str
    text: str
    outcome: str
    plot: str | None


@dataclass(frozen=True)
class Number:
    """One number of one source."""

    model: str
    page: str
    anchor: str
    measure: str
    value: str
    interval: str
    chance: str
    n: str
    ties: str
    steps: str
    method: str
    settings: str
    note: str
    source: str
    link: str
    year: str
    quoted: bool


@dataclass(frozen=True)
class Block:
    """All numbers of one measure, the best documented first."""

    anchor: str
    title: str
    task: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class PairLine:
    """One measure of two models."""

    title: str
    task: str
    first: str
    second: str
    difference: str
    interval: str
    p: str
    outcome: str
    notes: tuple[str, ...]


def write(renderer: Renderer, collection: Collection) -> None:
    """Write `published/index.html`, a page for each model, and one for each pair."""
    if not collection.models:
        return
    every = [
        number(cited, measure, model)
        for model in collection.models
        for measure in collection.measures
        for cited in model.cells.get(measure.key, ())
    ]
    renderer.page("published/index.html", "published.html", title="All published numbers",
                  here="home", numbers=every, sources=collection.sources)  # fmt: skip
    for model in collection.models:
        renderer.page(
            published_page(model.slug), "published_model.html", title=model.name, here="home",
            model=model,
            blocks=blocks(model, collection.measures), others=others(model, collection),
        )  # fmt: skip
    for first, second in collection.pairs():
        _pair(renderer, collection, first, second)


def number(cited: Cited, measure: Measured, model: PublishedModel) -> Number:
    """A number as it is printed."""
    figure, source = cited.figure, cited.source
    ends = cited.estimate.bounds
    return Number(
        model=model.name,
        page=published_page(model.slug),
        anchor=anchor_of(*measure.key),
        measure=measure.title,
        value=typeset(value_text(figure.value, measure.unit)),
        interval="" if ends is None else interval_text(*ends, SHARE),
        chance=value_text(measure.chance, measure.unit),
        n="" if figure.n is None else f"{figure.n:,}",
        ties="" if figure.ties is None else f"{figure.ties:,}",
        steps="" if cited.steps is None else f"{cited.steps:,}",
        method=cited.method,
        settings=source.settings,
        note="; ".join(filter(None, (_WAYS.get(figure.normalised or "", ""), figure.note))),
        source=source.source,
        link=source.url,
        year="" if source.year is None else str(source.year),
        quoted=source.quoted,
    )


def blocks(model: PublishedModel, measures: Sequence[Measured]) -> tuple[Block, ...]:
    """A model's numbers by measure."""
    return tuple(
        Block(
            anchor_of(*m.key), m.title, m.task.name,
            tuple(number(cited, m, model) for cited in model.cells[m.key]),
        )
        for m in measures
        if m.key in model.cells
    )  # fmt: skip


def others(model: PublishedModel, collection: Collection) -> list[tuple[str, str]]:
    """The models that this one can be compared with, and the pages of the pairs."""
    return [
        (other.name, pair_page(PUBLISHED, model.slug, other.slug))
        for other in collection.models
        if other is not model and collection.compare(*_ordered(model, other))
    ]


def _ordered(*pair: PublishedModel) -> tuple[PublishedModel, PublishedModel]:
    first, second = sorted(pair, key=lambda m: m.slug)
    return first, second


def lines(found: Sequence[Verdict]) -> list[Line]:
    """Sentences: where the first is better, where it is worse, undecided ones, untested ones."""
    widest = scale(found)
    used = Counter(s for v in found if (s := v.first.steps or v.second.steps) is not None)
    steps = max(used, key=lambda s: (used[s], s), default=None)
    return [
        Line(v.measure.title, sentences.finding(v, steps), v.outcome, plot(v, widest))
        for outcome in ("better", "worse", "undecided", "untested")
        for v in with_outcome(found, outcome)
    ]


def scale(found: Sequence[Verdict]) -> float:
    """The end of a scale around 0 that holds all differences with their intervals."""
    ends = [
        max(abs(end) for end in (d.low, d.high) if end is not None)
        for v in found
        if (d := v.difference) is not None and d.low is not None
    ]
    return _STEP * math.ceil(max(ends, default=_STEP) / _STEP)


def plot(verdict: Verdict, widest: float) -> str | None:
    """The difference drawn; None where there is none."""
    d = verdict.difference
    return None if d is None else difference.draw(Estimate(d.difference, d.low, d.high), widest)


def _pair(
    renderer: Renderer, collection: Collection, first: PublishedModel, second: PublishedModel
) -> None:
    lead = collection.headline
    if lead == (second, first):  # the page has the order of the question
        first, second = lead
    found = collection.compare(first, second)
    ability = [v for v in found if v.measure.task.kind != "bias"]
    renderer.page(
        pair_page(PUBLISHED, first.slug, second.slug),
        "published_pair.html",
        title=f"{first.name} and {second.name}",
        here="compare",
        first=first,
        second=second,
        answer=sentences.comparison(ability, first.name, second.name),
        lines=lines(ability),
        rows=[pair_line(v) for v in found],
        cost=[c for c in (sentences.cost(first, second), sentences.cost(second, first)) if c],
    )


def pair_line(v: Verdict) -> PairLine:
    """One measure of two models as it is printed."""
    d, unit = v.difference, v.measure.unit
    return PairLine(
        title=v.measure.title,
        task=v.measure.task.name,
        first=sentences.number(v.first, unit),
        second=sentences.number(v.second, unit),
        difference="" if d is None else typeset(value_text(d.difference, SHARE, difference=True)),
        interval="" if d is None else typeset(interval_text(d.low, d.high, SHARE, difference=True)),
        p="" if d is None or d.p_holm is None else p_text(d.p_holm),
        outcome=sentences.OUTCOMES[v.outcome],
        notes=tuple(_notes(v)),
    )


def _notes(v: Verdict) -> list[str]:
    """What has to be known of the two numbers to read them."""
    return [
        f"{c.model}: {'; '.join(filter(None, (_budget(c), _items(c), _ties(c), c.figure.note)))}."
        for c in (v.first, v.second)
    ]


def _budget(cited: Cited) -> str:
    return "" if cited.steps is None else f"{cited.steps:,} timesteps"


def _ties(cited: Cited) -> str:
    return f"{cited.figure.ties:,} ties" if cited.figure.ties else ""


def _items(cited: Cited) -> str:
    return "n not published" if cited.figure.n is None else f"n {cited.figure.n:,}"


@dataclass(frozen=True)
class TaskTable:
    """What is published on one task: a block for each measure."""

    blocks: tuple[Block, ...]
    best: tuple[tuple[str, tuple[Number, ...]], ...]
    """For each measure that makes the score, the best documented number of each model."""

    @property
    def n(self) -> int:
        """Numbers in all."""
        return sum(len(b.numbers) for b in self.blocks)


def of_task(collection: Collection, task: str) -> TaskTable | None:
    """All published numbers of a task; None where there are none."""
    measures = [m for m in collection.measures if m.task.name == task]
    if not measures:
        return None
    every = tuple(
        Block(
            f"published-{m.metric}", m.title, task,
            tuple(number(c, m, model) for model in collection.models
                  for c in model.cells.get(m.key, ())),
        )
        for m in measures
    )  # fmt: skip
    best = tuple(
        (m.title, tuple(number(c, m, model) for model in collection.models
                        if (c := model.best(m.key)) is not None))
        for m in measures
        if m in collection.shown
    )  # fmt: skip
    return TaskTable(every, best)


def sections(collection: Collection) -> list[tuple[PublishedModel, list[tuple[str, str]]]]:
    """For the list of comparisons: each model with the pairs that it comes first in."""
    pairs = [(a, (b.name, pair_page(PUBLISHED, a.slug, b.slug))) for a, b in collection.pairs()]
    return [
        (model, [pair for _, pair in found]) for model, found in groupby(pairs, key=lambda p: p[0])
    ]
