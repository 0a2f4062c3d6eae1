"""Ranks that say how sure they are: rank intervals, and models that cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from gdbench.metrics.adjust import holm
from gdbench.metrics.measures import Sample, TieRule
from gdbench.metrics.paired import PairedDifference, paired_difference

Pairwise = Mapping[tuple[str, str], PairedDifference]
"""Differences of all pairs of models; the first of a pair has the higher value (or name)."""
_DIGITS = 12


@dataclass(frozen=True)
class RankInterval:
    """Where a model may stand: 1 is best."""

    model: str
    value: float
    rank: int
    """By value; equal values share the better rank."""
    best: int
    """1 + the number of models that are significantly better."""
    worst: int
    """The number of models less those that are significantly worse."""


def _values(models: Mapping[str, Sample], ties: TieRule) -> dict[str, float]:
    """What models are ranked by: without the rounding of a sum, which depends on its order."""
    return {name: round(s.mean(s.values(ties)), _DIGITS) for name, s in models.items()}


def _order(value: Mapping[str, float]) -> list[str]:
    """Best first, equal ones by name."""
    return sorted(value, key=lambda name: (-value[name], name))


def pairwise(
    models: Mapping[str, Sample], *, ties: TieRule = "expected"
) -> dict[tuple[str, str], PairedDifference]:
    """Compare every pair of models on one metric or merged score, p-values adjusted over all pairs.

    Raises ValueError where models were scored on different items.
    """
    order = _order(_values(models, ties))
    found = {
        (a, b): paired_difference(f"{a} - {b}", models[a], models[b], ties=ties, power=False)
        for a, b in combinations(order, 2)
    }
    adjusted = holm([d.p_value for d in found.values()])
    return {key: replace(d, p_holm=p) for (key, d), p in zip(found.items(), adjusted, strict=True)}


def rank_intervals(
    models: Mapping[str, Sample],
    differences: Pairwise | None = None,
    *,
    ties: TieRule = "expected",
    level: float = 0.05,
) -> dict[str, RankInterval]:
    """Rank intervals of models on one metric or merged score, best value first.

    From paired tests of all pairs with Holm's adjustment: with probability 1 - level all intervals
    hold the true ranks at once (Mogstad, Romano, Shaikh and Wilhelm 2024, section 3). A bootstrap
    of ranks would not: it is over-confident exactly where models are close. `differences` are
    those of `pairwise` where they are at hand.
    """
    tests = pairwise(models, ties=ties) if differences is None else differences
    value = _values(models, ties)
    better = dict.fromkeys(models, 0)  # how many are significantly better than the model
    worse = dict.fromkeys(models, 0)
    for (high, low), d in tests.items():
        if d.significant(level):
            better[low] += 1
            worse[high] += 1
    return {
        name: RankInterval(
            name,
            models[name].mean(models[name].values(ties)),
            1 + sum(v > value[name] for v in value.values()),
            1 + better[name],
            len(models) - worse[name],
        )
        for name in _order(value)
    }


def indistinguishable_groups(
    models: Mapping[str, Sample],
    differences: Pairwise | None = None,
    *,
    ties: TieRule = "expected",
    level: float = 0.05,
) -> tuple[tuple[str, ...], ...]:
    """Runs of neighbours in the ranking within which no pair differs significantly, best first.

    Runs are as long as can be and may overlap: A ~ B and B ~ C does not make A ~ C. A model that
    differs from all others is a group of its own.
    """
    tests = pairwise(models, ties=ties) if differences is None else differences
    order = _order(_values(models, ties))
    apart = {frozenset(pair) for pair, d in tests.items() if d.significant(level)}
    groups: list[tuple[str, ...]] = []
    end_before = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(
            frozenset((order[end], member)) in apart for member in order[start:end]
        ):
            end += 1
        if end > end_before:  # not inside the run before
            groups.append(tuple(order[start:end]))
            end_before = end
    return tuple(groups)
