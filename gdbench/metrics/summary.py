"""From labels and score matrices to the metrics of a record: values, intervals, ties, chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gdbench.metrics.adjust import holm
from gdbench.metrics.association import (
    Effect,
    Groups,
    bootstrap_effects,
    effect,
    groups_of,
    mean_abs_interval,
)
from gdbench.metrics.bootstrap import expanded_quantiles, mean_interval
from gdbench.metrics.measures import (
    MEAN_ABS,
    MEAN_ABS_EFFECT,
    AnyMeasure,
    EffectSize,
    Measure,
    TieRule,
    associations,
    means,
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
    errors: Callable[[], Sequence[Errors]] | None = None,
    settings: ModelSettings | None = None,
    compat: Compat | None = None,
) -> tuple[MetricValue, ...]:
    """The metrics of every measure that has items, in the order of the measures.

    `matrices[i]` has shape (n_images, n_texts) of `labels[i]`. `ties` defaults to the mode's (see
    `tie_rule`). `errors` returns the items' per-timestep errors (in the order
    of the labels) and is called only where there is something to do with them; `settings` tells
    how scores follow from errors. Association measures are followed by `mean_abs_effect` and one
    mean for each topic. The same arguments give the same numbers, bit for bit on one machine.
    """
    rule = ties or tie_rule(compat)
    found = [
        value
        for measure in means(measures)
        if (value := _accuracy(measure, labels, matrices, rule, seed)) is not None
    ]
    if found and errors is not None:
        noise = dict(noise_errors(measures, labels, errors(), settings, ties=rule, seed=seed))
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
    seed: int,
) -> MetricValue | None:
    s = sample(measure, labels, matrices)
    if s is None:
        return None
    values = s.values(ties)
    interval = mean_interval(values, s.cluster, s.part, s.part_weight, seed=seed)
    return MetricValue(
        name=measure.name,
        value=s.mean(values),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(s.ids),
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
    draws = bootstrap_effects([p for p, _ in found], groups, compat=compat, seed=seed)
    adjusted = holm([e.p_value for _, e in found])
    metrics = [
        _pair_metric(pair, e, row, p)
        for (pair, e), row, p in zip(found, draws, adjusted, strict=True)
    ]
    topics = {pair.topic for pair, _ in found if pair.topic}
    metrics.append(_mean_abs(MEAN_ABS_EFFECT, found, draws, groups))
    for topic in sorted(topics):
        rows = [i for i, (pair, _) in enumerate(found) if pair.topic == topic]
        name = MEAN_ABS + topic.lower().replace(" ", "_")
        metrics.append(_mean_abs(name, [found[i] for i in rows], draws[rows], groups))
    return metrics


def _pair_metric(pair: EffectSize, e: Effect, draws: np.ndarray, p_holm: float) -> MetricValue:
    enough = e.n > 2 and e.std > 0  # noqa: PLR2004 # two pictures have no spread to resample
    low, high = expanded_quantiles(draws, e.n) if enough else (None, None)
    return MetricValue(
        name=pair.name,
        value=e.value,
        low=low,
        high=high,
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
    name: str, found: Sequence[tuple[EffectSize, Effect]], draws: np.ndarray, groups: Groups
) -> MetricValue:
    value = float(np.mean([abs(e.value) for _, e in found]))
    n = sum(len(groups.phi[g]) for g in {g for p, _ in found for g in (p.first, p.second)})
    usable = n > 2 and any(e.std > 0 for _, e in found)  # noqa: PLR2004 # as for a pair
    low, high = mean_abs_interval(value, draws, n) if usable else (None, None)
    return MetricValue(name=name, value=value, low=low, high=high, n=n, n_clusters=n, chance=0.0)


def task_score(primary: Sequence[str], metrics: Sequence[MetricValue]) -> float | None:
    """Mean of the primary metrics; None where one of them is missing or there are none (bias)."""
    values = {m.name: m.value for m in metrics}
    if not primary or any(name not in values for name in primary):
        return None
    return float(np.mean([values[name] for name in primary]))
