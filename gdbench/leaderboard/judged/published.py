"""What others have published: one row a model, all sources behind each cell, what can be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from gdbench.data.published import Figure, Source
from gdbench.leaderboard.judged.capabilities import CapabilityTable, Key
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import EffectSize, associations
from gdbench.metrics.proportions import IndependentDifference
from gdbench.numbers import Unit
from gdbench.tasks.base import Task

PUBLISHED = "published"
"""The collection in addresses and in data for programs, where a suite's name stands."""

_WORDS = {
    "r1": "R@1", "r5": "R@5", "vg": "VG", "coco": "COCO", "flickr30k": "Flickr30K",
    "subj": "subject", "obj": "object", "att": "attribute", "rel": "relation", "color": "colour",
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One measure of one task."""

    task: Task
    metric: str
    unit: Unit
    chance: float | None
    human: float | None

    @property
    def key(self) -> Key:
        """Task and metric."""
        return self.task.name, self.metric

    @property
    def label(self) -> str:
        """The metric for a person, within its task."""
        return metric_words(self.metric)

    @property
    def title(self) -> str:
        """Task and metric for a person; a task with one measure needs no second name."""
        alone = self.metric in ("micro", "accuracy", "multi")
        return self.task.title if alone else f"{self.task.title} {self.label}"


def metric_words(name: str) -> str:
    """A metric's name for a person: `image_r1` is image R@1."""
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def groups_of(task: Task, metric: str) -> EffectSize | None:
    """The two groups of a bias measure."""
    return next((m for m in associations(task.measures) if m.name == metric), None)


@dataclass(frozen=True)
class Cited:
    """One number of one source."""

    model: str
    """Name of the model as it is shown."""
    method: str
    """How its scores are made, where the source says so."""
    figure: Figure
    source: Source
    family: str
    estimate: Estimate
    """The value, with Wilson's 95 % interval where n is known and it is a share."""
    right: int | None
    """Items that were right: values are printed rounded, items are whole."""
    steps: int | None
    """Timesteps for each pair that were evaluated; None: not said, or the model has none."""

    @property
    def key(self) -> Key:
        """Task and metric."""
        return self.figure.task, self.figure.metric


@dataclass(frozen=True)
class PublishedModel:
    """One row."""

    name: str
    full_name: str
    slug: str
    family: str
    cells: Mapping[Key, tuple[Cited, ...]]
    """By task and metric, the best documented first."""

    def best(self, key: Key) -> Cited | None:
        """The best documented number of a cell."""
        found = self.cells.get(key)
        return found[0] if found else None

    @property
    def steps(self) -> int | None:
        """The budget of most of its cells."""
        times = Counter(s for c in self.cells.values() if (s := c[0].steps) is not None)
        return max(times, key=lambda s: (times[s], s), default=None)


def short_name(model: str) -> str:
    """A model's name without what every reader knows."""
    return model.replace("Stable Diffusion ", "SD ").replace("-base", "")


LEVEL = 0.05
Outcome = Literal["better", "worse", "undecided", "untested"]


@dataclass(frozen=True)
class Verdict:
    """First against second on one measure."""

    measure: Measured
    first: Cited
    second: Cited
    difference: IndependentDifference | None
    """None where an n is not known, or the measure is no share; else its p-value is adjusted over
    all measures of the comparison (Holm 1979)."""

    @property
    def outcome(self) -> Outcome:
        """What the numbers allow to say of the first."""
        if self.difference is None:
            return "untested"
        if not self.difference.significant(LEVEL):
            return "undecided"
        return "better" if self.difference.difference > 0 else "worse"

    @property
    def below_chance(self) -> tuple[bool, bool]:
        """Whether the first, and the second, are surely below chance."""
        first, second = (surely_below(c, self.measure) for c in (self.first, self.second))
        return first, second


def surely_below(cited: Cited, measure: Measured) -> bool:
    """Whether the whole interval lies below chance."""
    return measure.chance is not None and cited.estimate.below(measure.chance)


def with_outcome(found: Sequence[Verdict], outcome: Outcome) -> tuple[Verdict, ...]:
    """Those of one outcome, the largest differences first."""
    chosen = [v for v in found if v.outcome == outcome]
    return tuple(
        sorted(chosen, key=lambda v: -abs(v.difference.difference if v.difference else 0.0))
    )


@dataclass(frozen=True)
class Contrast:
    """One model and budget, scored in several ways."""

    model: str
    steps: int
    measure: Measured
    ways: tuple[tuple[str, Cited], ...]
    """What was done with the error under the empty prompt, and the number; naive first."""
    difference: IndependentDifference
    """Normalised less naive."""

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart."""
        return self.difference.significant(LEVEL)

    @property
    def naive_is_chance(self) -> bool:
        """Whether naive scores cannot be told apart from chance."""
        ends, chance = dict(self.ways)["naive"].estimate.bounds, self.measure.chance
        return chance is not None and ends is not None and ends[0] <= chance <= ends[1]


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
    compared: Mapping[tuple[str, str], tuple[Verdict, ...]]
    """All two that share a measure of the first table, by their slugs, in either order."""
    headline: tuple[PublishedModel, PublishedModel] | None
    """The two models that the first page sets against each other."""
    contrasts: tuple[Contrast, ...]
    capabilities: CapabilityTable | None

    def model(self, name: str) -> PublishedModel | None:
        """A model by the name that is shown."""
        return next((m for m in self.models if m.name == name), None)

    def compare(self, first: PublishedModel, second: PublishedModel) -> tuple[Verdict, ...]:
        """First against second on the measures of the first table."""
        return self.compared.get((first.slug, second.slug), ())

    def pairs(self) -> list[tuple[PublishedModel, PublishedModel]]:
        """All two that share a measure, each once, in the order of their addresses."""
        ordered = sorted(self.models, key=lambda m: m.slug)
        return [(a, b) for a, b in combinations(ordered, 2) if self.compare(a, b)]
