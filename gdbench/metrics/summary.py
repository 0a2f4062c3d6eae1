"""From labels and score matrices to the metrics of a record: values, intervals, ties, chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.adjust import holm
from gdbench.metrics.association import (
    Effect,
    Groups,
    effect,
    groups_of,
    pair_of,
)
from gdbench.metrics.intervals import Interval, share_interval
from gdbench.metrics.jackknife import effect_interval
from gdbench.metrics.labels import Labels
from gdbench.metrics.mean_effects import mean_effect
from gdbench.metrics.measures import (
    MEAN_ABS,
    MEAN_ABS_EFFECT,
    AnyMeasure,
    EffectSize,
    Measure,
    TieRule,
    associations,
    means,
    merge,
    sample,
    tie_rule,
)
from gdbench.metrics.montecarlo import Errors, noise_errors
from gdbench.protocol import Label, Matrix
from gdbench.records import Compat, MetricValue, ModelSettings

RESAMPLING_SEED = 0
"""Of intervals and p-values: they do not depend on the seed of the noise or of the items."""
DDOF = 0.0  # of the standard deviation that divides an effect size


def summarise(
    measures: Sequence[AnyMeasure],
    labels: Sequence[Label],
    matrices: Sequence[Matrix],
    *,
    ties: TieRule | None = None,
    seed: int = 0,
    errors: Callable[[], Iterable[Errors]] | None = None,
    lengths: Sequence[int] | NDArray[np.integer] | None = None,
    settings: ModelSettings | None = None,
    compat: Compat | None = None,
) -> tuple[MetricValue, ...]:
    """The metrics of every measure that has items, in the order of the measures.

    `matrices[i]` has shape (n_images, n_texts) of `labels[i]`. `ties` defaults to the mode's (see
    `tie_rule`). `errors` returns the items' per-timestep errors (in the order
    of the labels) and is called only where there is something to do with them; with `lengths`, the
    timesteps of each item, they may be a stream and are never held together. `settings` tells how
    scores follow from errors. Association measures are followed by `mean_abs_effect` and one
    mean for each topic. The same arguments give the same numbers, bit for bit on one machine.
    """
    rule, labels = ties or tie_rule(compat), Labels.of(labels)
    found = [
        value
        for measure in means(measures)
        if (value := _accuracy(measure, labels, matrices, rule)) is not None
    ]
    if found and errors is not None:
        noise = dict(
            noise_errors(
                measures, labels, errors(), settings, lengths=lengths, ties=rule, seed=seed
            )
        )
        found = [
            m.model_copy(
                update={
                    "noise_se": noise[m.name].se,
                    "samples_to_halve_noise": noise[m.name].samples_to_halve,
                }
            )
            if m.name in noise
            else m
            for m in found
        ]
    pairs = associations(measures)
    if pairs:
        found += _associations(pairs, groups_of(labels, matrices), seed, compat)
    return tuple(found)


def _accuracy(
    measure: Measure,
    labels: Sequence[Label],
    matrices: Sequence[Matrix],
    ties: TieRule,
) -> MetricValue | None:
    s = sample(measure, labels, matrices, named=False)
    if s is None:
        return None
    values = s.values(ties)
    interval = share_interval(s, values)
    return MetricValue(
        name=measure.name,
        value=s.mean(values),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(s.expected),
        n_clusters=int(s.cluster.max()) + 1,
        chance=s.mean(s.chance),
        ties=int(s.tied.sum()),
        strict=s.mean(s.strict),
        lenient=s.mean(s.lenient),
    )


def _associations(
    pairs: Sequence[EffectSize], groups: Groups, seed: int, compat: Compat | None
) -> list[MetricValue]:
    found: list[tuple[EffectSize, Effect]] = []
    for pair in pairs:
        e = effect(pair, groups, compat=compat, seed=seed)
        if e is not None:
            found.append((pair, e))
    if not found:
        return []
    adjusted = holm([e.p_value for _, e in found])
    metrics = [
        _pair_metric(pair, e, groups, compat, p)
        for (pair, e), p in zip(found, adjusted, strict=True)
    ]
    metrics.append(_mean_abs(MEAN_ABS_EFFECT, found, groups, compat, seed))
    for topic in sorted({pair.topic for pair, _ in found if pair.topic}):
        name = MEAN_ABS + topic.lower().replace(" ", "_")
        of_topic = [(pair, e) for pair, e in found if pair.topic == topic]
        metrics.append(_mean_abs(name, of_topic, groups, compat, seed))
    return metrics


def _pair_metric(
    pair: EffectSize, e: Effect, groups: Groups, compat: Compat | None, p_holm: float
) -> MetricValue:
    ends = effect_interval(pair_of(pair, compat), groups.phi) if e.std > 0 else None
    return MetricValue(
        name=pair.name,
        value=e.value,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        n=e.n,
        n_clusters=e.n,
        chance=0.0,
        p_value=e.p_value,
        details={
            "difference": e.difference,
            "std": e.std,
            "ddof": DDOF,
            "p_holm": p_holm,
            **{f"word_{i:03d}": float(w) for i, w in enumerate(e.words)},
        },
    )


def _mean_abs(
    name: str,
    found: Sequence[tuple[EffectSize, Effect]],
    groups: Groups,
    compat: Compat | None,
    seed: int,
) -> MetricValue:
    mean = mean_effect(
        [pair_of(p, compat) for p, _ in found],
        [e.value for _, e in found],
        groups.phi,
        [p.topic for p, _ in found],
        seed=seed,
    )
    n = sum(len(groups.phi[g]) for g in {g for p, _ in found for g in (p.first, p.second)})
    return MetricValue(
        name=name,
        value=mean.value,
        low=mean.low,
        high=mean.high,
        n=n,
        n_clusters=n,
        chance=0.0,
        p_value=mean.p_value,
        details={"plain": mean.plain, "null_mean": mean.null_mean},
    )


def score_interval(
    measures: Sequence[AnyMeasure],
    primary: Sequence[str],
    labels: Sequence[Label],
    matrices: Sequence[Matrix],
    *,
    ties: TieRule = "expected",
) -> Interval | None:
    """Interval of a task's score: that of its primary metrics' joint sample.

    None where there is no score (see `task_score`) or there are fewer than two clusters.
    """
    table = Labels.of(labels)
    samples = {
        m.name: s
        for m in measures
        if m.name in primary
        and not isinstance(m, EffectSize)
        and (s := sample(m, table, matrices, named=len(primary) > 1)) is not None
    }
    if not primary or len(samples) < len(primary):
        return None
    joint = merge(samples) if len(samples) > 1 else next(iter(samples.values()))
    return share_interval(joint, joint.values(ties))


def task_score(primary: Sequence[str], metrics: Sequence[MetricValue]) -> float | None:
    """Mean of the primary metrics; None where one of them is missing or there are none (bias)."""
    values = {m.name: m.value for m in metrics}
    if not primary or any(name not in values for name in primary):
        return None
    return float(np.mean([values[name] for name in primary]))
