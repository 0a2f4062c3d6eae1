"""Published numbers as they are shown: one row a model, all sources behind each cell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from gdbench.data.published import Figure, Source
from gdbench.leaderboard.judged.capabilities import Key
from gdbench.leaderboard.judged.published import Cited, PublishedModel, short_name
from gdbench.leaderboard.words import file_name
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import wilson

_STEPS = re.compile(r"\b(\d[\d,]*) steps\b")
_EVALUATED = re.compile(r"\((\d[\d,]*) evaluated\)")
_FAMILY_ORDER = ("contrastive", "diffusion-unet", "diffusion-transformer", "other")


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
    """A number with its source; an effect size has no interval from n alone."""
    weights, method = parts_of(figure.model)
    family = family_of(weights)
    right = None
    if figure.n is not None and not effect:
        right = round(figure.value * figure.n) if figure.right is None else figure.right
    return Cited(
        short_name(weights), method, figure, source, family, _estimate(figure, right),
        right, _steps(source, family),
    )  # fmt: skip


def _estimate(figure: Figure, right: int | None) -> Estimate:
    if figure.n is None or right is None or not 0 <= figure.value <= 1:
        return Estimate(figure.value)
    ends = wilson(right, figure.n)
    return Estimate(figure.value, ends.low, ends.high)


def _steps(source: Source, family: str) -> int | None:
    if family == "contrastive":
        return None
    found = _EVALUATED.search(source.settings)
    if found is None and source.steps is not None:
        return source.steps
    found = found or _STEPS.search(source.settings)
    return int(found[1].replace(",", "")) if found else None


def _usual(cited: Cited) -> bool:
    """Whether scores were made as the paper recommends.

    Pictures are ranked by the error less that under the empty prompt; what a flag did of which
    nothing is known is not usual either.
    """
    figure = cited.figure
    naive = figure.direction == "image" and figure.normalised == "none"
    return not (naive or figure.normalised == "ratio" or "`gray`" in cited.source.settings)


def documented(cited: Cited) -> tuple[object, ...]:
    """The larger, the better: usual, own files, known n, larger budget, more items."""
    n = cited.figure.n
    return (_usual(cited), not cited.source.quoted, n is not None, cited.steps or 0, n or 0)


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
                key: tuple(sorted(cited, key=documented, reverse=True))
                for key, cited in by_key.items()
            },
        )
        for name, by_key in cells.items()
    ]
    return tuple(sorted(found, key=lambda m: (_FAMILY_ORDER.index(m.family), m.name)))
