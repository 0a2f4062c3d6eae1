"""Differences of two models: paired where per-item values are at hand, else from the intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist, median

from gdbench.leaderboard.judge.evidence import Evidence
from gdbench.leaderboard.judged.board import Row
from gdbench.metrics.adjust import holm
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import Sample
from gdbench.metrics.paired import POWER, paired_difference

TOTAL = "gdbench"
_MOST_FOR_POWER = 6  # models
_Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Difference:
    """First less second on one task or on the GDBench score."""

    name: str
    first: float
    second: float
    difference: Estimate
    p: float | None
    paired: bool
    n: int | None = None
    first_better: int | None = None
    second_better: int | None = None
    detectable: float | None = None
    p_holm: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the two can be told apart on it."""
        p = self.p if self.p_holm is None else self.p_holm
        return p is not None and p <= 0.05  # noqa: PLR2004 # the customary level


def paired(name: str, first: Sample, second: Sample) -> Difference | None:
    """From per-item values; None where the items differ."""
    if set(first.ids) != set(second.ids):
        return None
    d = paired_difference(name, first, second)
    return Difference(
        name=name,
        first=d.first,
        second=d.second,
        difference=Estimate(d.difference, d.low, d.high),
        p=d.p_value,
        paired=True,
        n=d.n,
        first_better=d.first_better,
        second_better=d.second_better,
        detectable=d.detectable,
    )


def unpaired(name: str, first: Estimate, second: Estimate) -> Difference:
    """From two intervals as if the two were independent: wider than the paired interval.

    The standard error of each is its half width by 1.96; p from the normal distribution.
    """
    delta = first.value - second.value
    a, b = first.half_width, second.half_width
    interval, p = Estimate(delta), None
    if a is not None and b is not None:
        half = math.hypot(a, b)
        p = 2 * (1 - NormalDist().cdf(abs(delta) * _Z95 / half)) if half > 0 else float(delta == 0)
        interval = Estimate(delta, delta - half, delta + half)
    return Difference(name, first.value, second.value, interval, p, paired=False)


def detectable(samples: Sequence[Sample], n: int) -> tuple[float, bool]:
    """Smallest true difference of two models that a paired test finds with a probability of 80 %.

    The median over the pairs of models where per-item values are at hand (then True); else for
    two models that disagree on a quarter of n items: (z_0.975 + z_0.8) sqrt(0.25 / n).
    """
    found = [
        d
        for a, b in combinations(samples[:_MOST_FOR_POWER], 2)
        if set(a.ids) == set(b.ids) and (d := paired_difference("", a, b).detectable) is not None
    ]
    if found:
        return median(found), True
    z = _Z95 + NormalDist().inv_cdf(POWER)
    return min(1.0, z * math.sqrt(0.25 / max(n, 1))), False


def differences(
    first: Row, second: Row, evidence: Mapping[str, Evidence], tasks: tuple[str, ...]
) -> tuple[Difference | None, list[Difference]]:
    """The GDBench score's difference, and each common task's with p-values adjusted (Holm)."""
    a, b = evidence.get(first.name), evidence.get(second.name)
    total = None
    if a and b and a.total is not None and b.total is not None:
        total = paired(TOTAL, a.total, b.total)
    if total is None and first.score is not None and second.score is not None:
        total = unpaired(TOTAL, first.score, second.score)
    rows = []
    for name in tasks:
        found = None
        if a and b and name in a.tasks and name in b.tasks:
            found = paired(name, a.tasks[name], b.tasks[name])
        if found is None:
            x, y = (
                r.results[name].estimate if name in r.results else None for r in (first, second)
            )
            if x is None or y is None:
                continue
            found = unpaired(name, x, y)
        rows.append(found)
    known = [d.p for d in rows if d.p is not None]
    adjusted = iter(holm(known))
    return total, [replace(d, p_holm=next(adjusted)) if d.p is not None else d for d in rows]
