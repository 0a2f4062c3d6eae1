"""Two models on the same items: differences, their intervals, p-values, and what could be seen.

Everything works on two `Sample`s of one metric (or of one merged score, see
`gdbench.metrics.measures.merge`), paired by item id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import bdtr

from gdbench.metrics.adjust import holm
from gdbench.metrics.intervals import (
    FEWEST_CLUSTERS,
    LEVEL,
    AdjustedDifference,
    bonett_price,
)
from gdbench.metrics.measures import Sample, TieRule
from gdbench.metrics.power import POWER, detectable_adjusted, detectable_mcnemar
from gdbench.metrics.spread import spread

__all__ = ["POWER", "Comparison", "PairedDifference", "compare", "mcnemar_p", "paired_difference"]
EQUIVALENCE = 0.9  # level of the interval that two one-sided tests at 5 % make


@dataclass(frozen=True)
class PairedDifference:
    """One metric of two models over the items that both have scored."""

    name: str
    first: float
    second: float
    difference: float
    """first - second."""
    low: float | None
    high: float | None
    """95 % interval of the difference; None for fewer than two clusters."""
    p_value: float
    """Two-sided, against no difference."""
    method: Literal["mcnemar", "adjusted", "jackknife"]
    n: int
    n_clusters: int
    discordant: int
    """Items on which the two differ."""
    first_better: int
    second_better: int
    detectable: float | None
    """Smallest true difference that a test at 5 % would find with a probability of 80 %."""
    equivalent_within: float | None = None
    """Smallest margin within which the two are shown to be equal at 5 %: two one-sided tests."""
    p_holm: float | None = None
    """p-value adjusted for all the comparisons made together."""

    def equivalent(self, margin: float) -> bool:
        """Whether no difference larger than `margin` is shown (TOST at 5 %, Schuirmann 1987)."""
        return self.equivalent_within is not None and self.equivalent_within <= margin

    def significant(self, level: float = 1 - LEVEL) -> bool:
        """Whether the two can be told apart (after adjustment where there was one)."""
        return (self.p_value if self.p_holm is None else self.p_holm) <= level


def paired_difference(
    name: str,
    first: Sample,
    second: Sample,
    *,
    ties: TieRule = "expected",
    power: bool = True,
) -> PairedDifference:
    """The difference of two samples over the same items, in any order.

    Where items are 0 or 1, independent and in one part, the p-value is McNemar's exact test and
    the interval Bonett and Price's; else both come from the adjusted difference over clusters
    (`gdbench.metrics.intervals.AdjustedDifference`). `power=False` leaves out what is detectable.
    Raises ValueError where the items of the two
    differ.
    """
    rank = {item: i for i, item in enumerate(second.ids)}
    if len(first.ids) != len(second.ids) or any(i not in rank for i in first.ids):
        raise ValueError(f"{name}: the two samples are not of the same items")
    order = np.array([rank[i] for i in first.ids], dtype=np.int64)
    x, y = first.values(ties), second.values(ties)[order]
    delta = x - y
    plus, minus = int(np.count_nonzero(delta > 0)), int(np.count_nonzero(delta < 0))
    n, clusters = len(delta), int(first.cluster.max()) + 1
    plain = (
        clusters == n
        and not first.part.any()
        and bool(np.isin(np.concatenate([x, y]), (0, 1)).all())
    )
    low: float | None = None
    high: float | None = None
    within: float | None = None
    adjusted = AdjustedDifference(spread(delta, first.item_weight(), first.cluster, first.part))
    if plain:
        p = mcnemar_p(plus, minus)
    else:
        p = adjusted.p_value if clusters >= FEWEST_CLUSTERS else 1.0
    detectable: float | None = None
    if power and clusters >= FEWEST_CLUSTERS:
        detectable = detectable_mcnemar(n, plus + minus) if plain else detectable_adjusted(adjusted)
    if clusters >= FEWEST_CLUSTERS:
        wide, narrow = (
            bonett_price(plus, minus, n, level) if plain else adjusted.interval(level)
            for level in (LEVEL, EQUIVALENCE)
        )
        low, high = wide
        within = max(abs(narrow[0]), abs(narrow[1]))
    return PairedDifference(
        name=name,
        first=first.mean(x),
        second=first.mean(y),
        difference=first.mean(delta),
        low=low,
        high=high,
        p_value=p,
        method="mcnemar" if plain else "adjusted",
        n=n,
        n_clusters=clusters,
        discordant=plus + minus,
        first_better=plus,
        second_better=minus,
        detectable=detectable,
        equivalent_within=within,
    )


def mcnemar_p(first_better: int, second_better: int) -> float:
    """Exact two-sided McNemar test from the two kinds of discordant items.

    Both tails of the symmetric binomial distribution, as `scipy.stats.binomtest` has it.
    """
    fewer = min(first_better, second_better)
    return float(min(1.0, 2 * bdtr(fewer, first_better + second_better, 0.5)))


@dataclass(frozen=True)
class Comparison:
    """Two models over several metrics or tasks."""

    first: str
    second: str
    rows: tuple[PairedDifference, ...]
    """In the order of the first model's samples, with p-values adjusted over all rows (Holm)."""

    def row(self, name: str) -> PairedDifference:
        """The row of that name. Raises KeyError."""
        for found in self.rows:
            if found.name == name:
                return found
        raise KeyError(name)


def compare(
    first: Mapping[str, Sample],
    second: Mapping[str, Sample],
    *,
    names: tuple[str, str] = ("A", "B"),
    ties: TieRule = "expected",
) -> Comparison:
    """Compare two models on every sample (metric or task score) that both have.

    Raises ValueError where they have none in common or the items of a common one differ.
    """
    common = [name for name in first if name in second]
    if not common:
        raise ValueError(f"{names[0]} and {names[1]} have no task in common")
    rows = [paired_difference(name, first[name], second[name], ties=ties) for name in common]
    adjusted = holm([r.p_value for r in rows])
    return Comparison(
        *names, tuple(replace(r, p_holm=p) for r, p in zip(rows, adjusted, strict=True))
    )
