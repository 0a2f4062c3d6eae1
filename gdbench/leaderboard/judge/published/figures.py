"""Published numbers as they are shown: one row a model, all sources behind each cell."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gdbench.data.published import Figure, Source
from gdbench.leaderboard.judge.published.measures import Key
from gdbench.leaderboard.words import file_name
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import wilson

_STEPS = re.compile(r"\b(\d[\d,]*) steps\b")
_EVALUATED = re.compile(r"\((\d[\d,]*) evaluated\)")
_FAMILY_ORDER = ("contrastive", "diffusion-unet", "diffusion-transformer", "other")


@dataclass(frozen=True)
class Cited:
    """One number of one source."""

    model: str
    """Name of the model as it is shown."""
    method: str
    """How its scores are made, where the source says so."""
    figure: Figure
    source: Source
    effect: bool
    """Whether it is an effect size, which has no interval from n alone."""
    family: str = "other"

    @property
    def key(self) -> Key:
        """Task and metric."""
        return self.figure.task, self.figure.metric

    @cached_property
    def estimate(self) -> Estimate:
        """The value, with Wilson's 95 % interval where n is known and it is a share."""
        value, n = self.figure.value, self.figure.n
        if n is None or self.effect or not 0 <= value <= 1:
            return Estimate(value)
        ends = wilson(self.right or 0, n)
        return Estimate(value, ends.low, ends.high)

    @property
    def right(self) -> int | None:
        """Items that were right: values are printed rounded, items are whole."""
        figure = self.figure
        if figure.n is None or self.effect:
            return None
        return round(figure.value * figure.n) if figure.right is None else figure.right

    @property
    def steps(self) -> int | None:
        """Timesteps for each pair that were evaluated; None: not said, or the model has none."""
        if self.family == "contrastive":
            return None
        found = _EVALUATED.search(self.source.settings)
        if found is None and self.source.steps is not None:
            return self.source.steps
        found = found or _STEPS.search(self.source.settings)
        return int(found[1].replace(",", "")) if found else None

    @property
    def usual(self) -> bool:
        """Whether scores were made as the paper recommends.

        Pictures are ranked by the error less that under the empty prompt; what a flag did of
        which nothing is known is not usual either.
        """
        figure = self.figure
        naive = figure.direction == "image" and figure.normalised == "none"
        return not (naive or figure.normalised == "ratio" or "`gray`" in self.source.settings)

    @property
    def documented(self) -> tuple[object, ...]:
        """The larger, the better: usual, own files, known n, larger budget, more items."""
        n = self.figure.n
        return (self.usual, not self.source.quoted, n is not None, self.steps or 0, n or 0)


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


def parts_of(model: str) -> tuple[str, str]:
    """The weights, and after the last comma how they are scored (empty where it is not said)."""
    weights, _, method = model.rpartition(", ")
    return (weights, method) if weights else (model, "")


def family_of(model: str) -> str:
    """The family that a model's name in words says."""
    name = model.lower()
    if "diffusion" in name:
        return "diffusion-transformer" if "diffusion 3" in name else "diffusion-unet"
    return "contrastive" if "clip" in name else "other"


def slug_of(name: str) -> str:
    """A model's name in an address."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", " plus ")).strip("-")
    return file_name(plain or name)


def cite(figure: Figure, source: Source, *, effect: bool) -> Cited:
    """A number with its source."""
    weights, method = parts_of(figure.model)
    return Cited(short_name(weights), method, figure, source, effect, family_of(weights))


def models(sources: Sequence[Source], effects: Iterable[Key]) -> tuple[PublishedModel, ...]:
    """One row for each model: contrastive ones first, then by name; `effects` are no shares."""
    unsigned = frozenset(effects)
    cells: dict[str, dict[Key, list[Cited]]] = defaultdict(lambda: defaultdict(list))
    full: dict[str, str] = {}
    for source in sources:
        for figure in source.figures:
            cited = cite(figure, source, effect=(figure.task, figure.metric) in unsigned)
            cells[cited.model][cited.key].append(cited)
            full.setdefault(cited.model, parts_of(figure.model)[0])
    found = [
        PublishedModel(
            name,
            full[name],
            slug_of(name),
            family_of(full[name]),
            {
                key: tuple(sorted(cited, key=lambda c: c.documented, reverse=True))
                for key, cited in by_key.items()
            },
        )
        for name, by_key in cells.items()
    ]
    return tuple(sorted(found, key=lambda m: (_FAMILY_ORDER.index(m.family), m.name)))
