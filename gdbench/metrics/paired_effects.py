"""Two models on the bias task: whose effect sizes differ, on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from gdbench.metrics.adjust import holm
from gdbench.metrics.association import Effect, Groups, effect, pair_of
from gdbench.metrics.jackknife import Jackknifed, Pair, enough, jackknife, no_effect
from gdbench.metrics.measures import EffectSize
from gdbench.metrics.paired import EQUIVALENCE, PairedDifference
from gdbench.metrics.power import POWER
from gdbench.records import Compat


def compare_effects(
    measures: Sequence[EffectSize],
    first: Groups,
    second: Groups,
    *,
    compat: Compat | None = None,
) -> tuple[PairedDifference, ...]:
    """Differences of effect sizes for every pair of groups that both models have.

    The groups must hold the same pictures in the same order: each is left out of both models at
    once. The p-value is that of the difference on the scale on which the variance hardly depends
    on the effect (`gdbench.metrics.jackknife`), the interval that of the difference of d. p-values
    are adjusted over the pairs (Holm). Raises ValueError where the numbers of pictures differ.
    """
    if {g: len(v) for g, v in first.phi.items()} != {g: len(v) for g, v in second.phi.items()}:
        raise ValueError("bias: the two models were not scored on the same pictures")
    rows = []
    for measure in measures:
        effects = [effect(measure, groups, compat=compat) for groups in (first, second)]
        if effects[0] is not None and effects[1] is not None:
            pair = pair_of(measure, compat)
            rows.append(_row(measure.name, pair, (effects[0], effects[1]), (first, second)))
    adjusted = holm([r.p_value for r in rows])
    return tuple(replace(r, p_holm=p) for r, p in zip(rows, adjusted, strict=True))


def _row(
    name: str, pair: Pair, effects: tuple[Effect, Effect], models: tuple[Groups, Groups]
) -> PairedDifference:
    test, raw = (_difference(pair, effects, models, stable=stable) for stable in (True, False))
    differ = sum(
        int(np.count_nonzero(models[0].phi[g] != models[1].phi[g]))
        for g in (pair.first, pair.second)
    )
    low = high = within = None
    detectable: float | None = None
    difference = effects[0].value - effects[1].value
    if raw is not None and raw.variance > 0 and enough(pair, models[0].phi):
        low, high = raw.interval()
        within = max(map(abs, raw.interval(EQUIVALENCE)))
        detectable = float(
            (stats.t.isf(0.025, raw.df) + stats.t.ppf(POWER, raw.df)) * np.sqrt(raw.variance)
        )
    return PairedDifference(
        name=name,
        first=effects[0].value,
        second=effects[1].value,
        difference=difference,
        low=low,
        high=high,
        p_value=1.0 if test is None else test.p_value,
        method="jackknife",
        n=effects[0].n,
        n_clusters=effects[0].n,
        discordant=differ,
        first_better=int(difference > 0),
        second_better=int(difference < 0),
        detectable=detectable,
        equivalent_within=within,
    )


def _difference(
    pair: Pair, effects: tuple[Effect, Effect], models: tuple[Groups, Groups], *, stable: bool
) -> Jackknifed | None:
    """First less second; None where an effect has no error that could be known."""
    sides = [
        no_effect(pair, groups.phi)
        if found.std == 0
        else jackknife(pair, groups.phi, stable=stable)
        for found, groups in zip(effects, models, strict=True)
    ]
    if sides[0] is None or sides[1] is None:
        return None
    return sides[0] - sides[1]
