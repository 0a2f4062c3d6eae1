"""All published numbers, and the comparisons that are made of them, each made once."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import combinations

from gdbench.data.published import Source
from gdbench.leaderboard.judge.published.figures import PublishedModel, models
from gdbench.leaderboard.judge.published.measures import (
    Key,
    Measured,
    effect_keys,
    measures_of,
    shown_of,
)
from gdbench.leaderboard.judge.published.verdicts import Verdict, verdicts
from gdbench.numbers import SHARE
from gdbench.tasks.base import Task

PUBLISHED = "published"
"""The collection in addresses and in data for programs, where a suite's name stands."""

# The paper's best diffusion model against its baseline; where one of them has no numbers, the
# next pair is asked.
_QUESTIONS = (
    ("SD 2.1 + HardNeg", "CLIP RN50x64"),
    ("SD 2.1", "CLIP RN50x64"),
)


@dataclass(frozen=True)
class Collection:
    """The sources seen as models and measures."""

    sources: tuple[Source, ...]
    tasks: tuple[Task, ...]
    models: tuple[PublishedModel, ...]
    shown: tuple[Measured, ...]
    """Measures of the first table: those of GDBench that any model has."""
    measures: tuple[Measured, ...]
    """All measures that any model has, in the order of the tasks."""
    _compared: dict[tuple[str, str], tuple[Verdict, ...]] = field(default_factory=dict, repr=False)

    def model(self, name: str) -> PublishedModel | None:
        """A model by the name that is shown."""
        return next((m for m in self.models if m.name == name), None)

    def headline(self) -> tuple[PublishedModel, PublishedModel] | None:
        """The two models that the first page sets against each other."""
        for names in _QUESTIONS:
            first, second = (self.model(name) for name in names)
            if first and second and self.compare(first, second):
                return first, second
        return None

    def compare(self, first: PublishedModel, second: PublishedModel) -> tuple[Verdict, ...]:
        """First against second on the measures of the first table."""
        key = first.slug, second.slug
        if key not in self._compared:
            self._compared[key] = verdicts(first, second, self.shown)
        return self._compared[key]

    def pairs(self) -> list[tuple[PublishedModel, PublishedModel]]:
        """All two that share a measure, each once, in the order of their addresses."""
        ordered = sorted(self.models, key=lambda m: m.slug)
        return [(a, b) for a, b in combinations(ordered, 2) if self.compare(a, b)]


def collect(sources: Sequence[Source], tasks: Sequence[Task]) -> Collection:
    """The sources as models and measures of these tasks."""
    found = models(sources, effect_keys(tasks))
    present = {key for m in found for key in m.cells}
    shown = [m for t in tasks if t.kind in ("ability", "bias") for m in shown_of(t)]
    every = [m for t in tasks for m in measures_of(t)]
    return Collection(
        sources=tuple(sources),
        tasks=tuple(tasks),
        models=found,
        shown=tuple(m for m in shown if m.key in present),
        measures=tuple(m for m in (*every, *_unknown(present, every, tasks)) if m.key in present),
    )


def _unknown(
    present: AbstractSet[Key], known: Sequence[Measured], tasks: Sequence[Task]
) -> list[Measured]:
    """Metrics of a source that the task does not have: shown as shares, without chance."""
    by_name = {t.name: t for t in tasks}
    missing = sorted(set(present) - {m.key for m in known})
    return [
        Measured(by_name[t], metric, SHARE, None, None) for t, metric in missing if t in by_name
    ]
