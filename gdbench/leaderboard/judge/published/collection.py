"""All published numbers, and the comparisons that are made of them, each made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import permutations

from gdbench.data.published import Source
from gdbench.leaderboard.judge.capabilities import Reader, capability_table
from gdbench.leaderboard.judge.published.figures import models
from gdbench.leaderboard.judge.published.measures import effect_keys, measures_of, shown_of
from gdbench.leaderboard.judge.published.naive import contrasts
from gdbench.leaderboard.judge.published.verdicts import verdicts
from gdbench.leaderboard.judged.capabilities import Key
from gdbench.leaderboard.judged.published import Collection, Measured, PublishedModel
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task

# The paper's best diffusion model against its baseline; where one of them has no numbers, the
# next pair is asked.
_QUESTIONS = (
    ("SD 2.1 + HardNeg", "CLIP RN50x64"),
    ("SD 2.1", "CLIP RN50x64"),
)


def collect(sources: Sequence[Source], tasks: Sequence[Task]) -> Collection:
    """The sources as models and measures of these tasks, and what is said of them."""
    found = models(sources, effect_keys(tasks))
    present = {key for m in found for key in m.cells}
    every = [m for t in tasks for m in measures_of(t)]
    shown = tuple(
        m for t in tasks if t.kind in ("ability", "bias") for m in shown_of(t) if m.key in present
    )
    measures = tuple(m for m in (*every, *_unknown(present, every, tasks)) if m.key in present)
    compared = {
        (a.slug, b.slug): tested
        for a, b in permutations(found, 2)
        if (tested := verdicts(a, b, shown))
    }
    return Collection(
        sources=tuple(sources),
        tasks=tuple(tasks),
        models=found,
        shown=shown,
        measures=measures,
        compared=compared,
        headline=_headline({m.name: m for m in found}, compared),
        contrasts=contrasts(found, shown),
        capabilities=capability_table([(m.name, _reader(m, measures)) for m in found]),
    )


def _headline(
    named: Mapping[str, PublishedModel], compared: Mapping[tuple[str, str], object]
) -> tuple[PublishedModel, PublishedModel] | None:
    """The first of the questions that the numbers can be asked."""
    for names in _QUESTIONS:
        first, second = (named.get(name) for name in names)
        if first and second and (first.slug, second.slug) in compared:
            return first, second
    return None


def _reader(model: PublishedModel, measures: Sequence[Measured]) -> Reader:
    chance = {m.key: m.chance for m in measures}

    def read(key: Key) -> tuple[Estimate, float | None] | None:
        best = model.best(key)
        return None if best is None or key not in chance else (best.estimate, chance[key])

    return read


def _unknown(
    present: AbstractSet[Key], known: Sequence[Measured], tasks: Sequence[Task]
) -> list[Measured]:
    """Metrics of a source that the task does not have: shown as shares, without chance."""
    by_name = {t.name: t for t in tasks}
    missing = sorted(set(present) - {m.key for m in known})
    return [
        Measured(by_name[t], metric, SHARE, None, None) for t, metric in missing if t in by_name
    ]
