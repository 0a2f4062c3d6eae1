"""Two models on the bias task: whose effect sizes differ, on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.adjust import holm
from gdbench.metrics.association import Groups, bootstrap_effects, denominator_groups, effect
from gdbench.metrics.bootstrap import expanded_quantiles
from gdbench.metrics.measures import EffectSize
from gdbench.metrics.paired import PairedDifference, detectable_difference, sign_flip_p
from gdbench.records import Compat

_ROUNDING = 1e-12  # of terms that are fractions of an effect size


def _standardised(
    measure: EffectSize, groups: Groups, compat: Compat | None
) -> NDArray[np.float64]:
    """Per-picture terms (n,) of an effect size, first group then second; they sum to it."""
    x, y = groups.phi[measure.first], groups.phi[measure.second]
    pool = np.concatenate([groups.phi[g] for g in denominator_groups(measure, compat)])
    both = np.concatenate([x, y])
    std = 0.0 if np.ptp(pool) == 0 else float(pool.std())
    if std == 0:
        return np.zeros(len(both))
    terms = (both - both.mean()) / std
    return np.concatenate([terms[: len(x)] / len(x), -terms[len(x) :] / len(y)])


def compare_effects(
    measures: Sequence[EffectSize],
    first: Groups,
    second: Groups,
    *,
    compat: Compat | None = None,
    seed: int = 0,
) -> tuple[PairedDifference, ...]:
    """Differences of effect sizes for every pair of groups that both models have.

    The groups must hold the same pictures in the same order. The interval resamples pictures, the
    same for both models; the p-value exchanges the models picture by picture after both have been
    brought to their own standard deviation. p-values are adjusted over the pairs (Holm). Raises
    ValueError where the numbers of pictures differ.
    """
    if {g: len(v) for g, v in first.phi.items()} != {g: len(v) for g, v in second.phi.items()}:
        raise ValueError("bias: the two models were not scored on the same pictures")
    usable = [m for m in measures if effect(m, first, compat=compat) is not None]
    draws = bootstrap_effects(usable, first, compat=compat, seed=seed) - bootstrap_effects(
        usable, second, compat=compat, seed=seed
    )
    rows = []
    for measure, row in zip(usable, draws, strict=True):
        a, b = (_standardised(measure, g, compat) for g in (first, second))
        shares = a - b
        shares[np.abs(shares) < _ROUNDING] = 0.0
        low, high = expanded_quantiles(row, len(shares))
        rows.append(
            PairedDifference(
                name=measure.name,
                first=float(a.sum()),
                second=float(b.sum()),
                difference=float(shares.sum()),
                low=low,
                high=high,
                p_value=sign_flip_p(shares, seed=seed),
                method="permutation",
                n=len(shares),
                n_clusters=len(shares),
                discordant=int(np.count_nonzero(shares)),
                first_better=int(np.count_nonzero(shares > 0)),
                second_better=int(np.count_nonzero(shares < 0)),
                detectable=detectable_difference(shares, limit=np.inf),
            )
        )
    adjusted = holm([r.p_value for r in rows])
    return tuple(replace(r, p_holm=p) for r, p in zip(rows, adjusted, strict=True))
