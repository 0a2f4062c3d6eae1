"""What fine-tuning changes, ability by ability, with the variance between seeds accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.adjust import holm
from gdbench.metrics.intervals import AdjustedDifference
from gdbench.metrics.measures import Sample, merge
from gdbench.metrics.power import detectable_adjusted
from gdbench.metrics.spread import Spread, spread

Floats = NDArray[np.float64]

ALL = "all"
ABILITIES: dict[str, tuple[str, ...]] = {
    "recognition": ("clevr/recognition_color", "clevr/recognition_shape"),
    "binding": (
        "clevr/pair_binding_size",
        "clevr/pair_binding_color",
        "clevr/binding_color_shape",
        "clevr/binding_shape_color",
        "aro/vg_attribution",
    ),
    "relation": ("clevr/spatial", "aro/vg_relation"),
    "order": ("aro/coco_order", "aro/flickr30k_order"),
    "retrieval": ("flickr30k/text_r1", "flickr30k/image_r1"),
}
"""Metrics whose mean is an ability; each has the same weight in it."""


def by_ability(samples: Mapping[str, Sample]) -> dict[str, Sample]:
    """A sample for each ability and one over all their metrics, from samples by `task/metric`.

    Abilities of which a metric is missing are left out. Raises ValueError where none is left.
    """
    whole = {
        ability: {name: samples[name] for name in names}
        for ability, names in ABILITIES.items()
        if all(name in samples for name in names)
    }
    every = {name: one for metrics in whole.values() for name, one in metrics.items()}
    return {**{ability: merge(metrics) for ability, metrics in whole.items()}, ALL: merge(every)}


@dataclass(frozen=True)
class Effect:
    """One ability of a fine-tuned model, trained from several seeds, against its base."""

    ability: str
    base: float
    tuned: float
    """Mean over seeds."""
    difference: float
    low: float
    high: float
    """95 % interval over items and seeds."""
    p_value: float
    """Two-sided, against no difference."""
    detectable: float
    """Smallest true difference that this test finds with a probability of 80 %."""
    n: int
    """Items."""
    by_seed: tuple[float, ...]
    item_variance: float
    """Of the difference, from items."""
    seed_variance: float
    """Of the difference, from seeds."""
    p_holm: float | None = None
    """p-value adjusted for all the effects of a table."""

    @property
    def significant(self) -> bool:
        """Whether it is told from 0 at 5 %, after adjustment where there was one."""
        return (self.p_value if self.p_holm is None else self.p_holm) <= 0.05  # noqa: PLR2004


def over_seeds(
    deltas: Floats, weight: Floats, cluster: NDArray[np.int64], found: Spread
) -> tuple[Spread, float]:
    """The spread of a mean over items with the variance between seeds added, and that variance.

    Items and seeds are crossed random effects without repeats. Of the variance of the seeds'
    means, the part that differing items explain (the interaction) is taken off, and what is left
    is not negative: the estimator of the analysis of variance (Searle, Casella and McCulloch 1992,
    section 4.5). Degrees of freedom are Satterthwaite's.

    Args:
        deltas: differences (n_seeds, n_items).
        weight: (n_items,), sums to 1.
        cluster: (n_items,), indices from 0; items of one differ together.
        found: the spread of the mean over seeds.
    """
    n_seeds = len(deltas)
    if n_seeds == 1:
        return found, 0.0
    means = deltas @ weight
    seeds = float(means.var(ddof=1)) / n_seeds
    rest = deltas - means[:, None] - deltas.mean(0)[None] + means.mean()
    together = np.array([np.bincount(cluster, weight * one) for one in rest])
    interaction = float((together**2).sum()) / (n_seeds * (n_seeds - 1))
    added = max(0.0, seeds - interaction)
    if added == 0:
        return found, 0.0
    variance = found.variance + added
    df = variance**2 / (found.variance**2 / found.df + added**2 / (n_seeds - 1))
    return replace(found, variance=variance, df=max(1.0, df)), added


def effect(ability: str, base: Sample, runs: Sequence[Sample]) -> Effect:
    """The effect on one sample, from runs of several seeds over the same items.

    Raises ValueError where the items differ.
    """
    if any(run.ids != base.ids for run in runs):
        raise ValueError(f"{ability}: the runs are not of the same items")
    deltas = np.array([run.expected - base.expected for run in runs])
    weight = base.item_weight()
    items = spread(deltas.mean(0), weight, base.cluster, base.part)
    both, added = over_seeds(deltas, weight, base.cluster, items)
    test = AdjustedDifference(both)
    low, high = test.interval()
    by_seed = tuple(base.mean(run.expected) for run in runs)
    return Effect(
        ability=ability,
        base=base.mean(base.expected),
        tuned=float(np.mean(by_seed)),
        difference=items.mean,
        low=low,
        high=high,
        p_value=test.p_value,
        detectable=detectable_adjusted(test),
        n=len(base.ids),
        by_seed=by_seed,
        item_variance=items.variance,
        seed_variance=added,
    )


def effects(
    base: Mapping[str, Sample], variants: Mapping[str, Sequence[Mapping[str, Sample]]]
) -> dict[str, list[Effect]]:
    """Effects by kind of negatives, from samples by `task/metric` of base and of every run.

    p-values are adjusted over the whole table (Holm).
    """
    reference = by_ability(base)
    pooled = {kind: [by_ability(run) for run in runs] for kind, runs in variants.items()}
    table = {
        kind: [effect(a, one, [run[a] for run in runs]) for a, one in reference.items()]
        for kind, runs in pooled.items()
    }
    adjusted = iter(holm([cell.p_value for row in table.values() for cell in row]))
    return {
        kind: [replace(cell, p_holm=next(adjusted)) for cell in row] for kind, row in table.items()
    }
