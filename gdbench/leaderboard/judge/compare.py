"""Differences of two models: paired where per-item values are at hand, else from the intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import NormalDist, median

from gdbench.leaderboard.judge.evidence import Evidence
from gdbench.leaderboard.judged.board import Detectable, Row
from gdbench.leaderboard.judged.pairs import TOTAL, Difference, Disagreements, Pair
from gdbench.leaderboard.judged.trust import COMPARED
from gdbench.metrics.adjust import holm
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import Sample
from gdbench.metrics.paired import POWER, paired_difference
from gdbench.metrics.proportions import interval_difference
from gdbench.tasks.base import Task

ALL_PAIRS_UP_TO = 16  # models; beyond, each model is compared with its next neighbours
NEIGHBOURS = 3
MOST_COMPARED = 200  # of a larger pool: the best
MOST_ITEMS = 12
_MOST_FOR_POWER = 6  # models


def comparable(rows: Sequence[Row]) -> list[Row]:
    """Rows whose numbers follow from scores, in the order of the board."""
    return [
        r for r in rows if r.trust.badge in COMPARED and any(x.estimate for x in r.results.values())
    ]


def pairs_of(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs that are compared: all of a small pool, neighbours in the ranking of a large one.

    Results whose numbers do not follow from scores are compared with none.
    """
    found = comparable(rows)
    if len(found) <= ALL_PAIRS_UP_TO:
        return list(combinations(found, 2))
    found = found[:MOST_COMPARED]
    return [(a, b) for i, a in enumerate(found) for b in found[i + 1 : i + 1 + NEIGHBOURS]]


def compare(
    rows: Sequence[Row], evidence: Mapping[str, Evidence], tasks: Sequence[Task]
) -> tuple[Pair, ...]:
    """All pairs of a pool that are compared, on the GDBench score and on these tasks."""
    by_item = {
        name: {task.name: _credits(found, task) for task in tasks}
        for name, found in evidence.items()
    }
    return tuple(
        _pair((a, b), (evidence.get(a.name), evidence.get(b.name)), tasks, by_item)
        for a, b in pairs_of(rows)
    )


def _pair(
    rows: tuple[Row, Row],
    evidence: tuple[Evidence | None, Evidence | None],
    tasks: Sequence[Task],
    by_item: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Pair:
    first, second = rows
    a, b = evidence
    total = _difference(
        TOTAL, (first.score, second.score), (a.total if a else None, b.total if b else None)
    )
    found = []
    for task in tasks:
        estimates = [
            r.results[task.name].estimate if task.name in r.results else None for r in rows
        ]
        samples = [e.tasks.get(task.name) if e else None for e in evidence]
        found.append(_difference(task.name, (estimates[0], estimates[1]), (samples[0], samples[1])))
    known = [d for d in found if d is not None]
    items = [
        _disagreements(d.name, by_item[first.name][d.name], by_item[second.name][d.name])
        for d in known
        if a and b
    ]
    return Pair(
        first.name,
        second.name,
        total,
        tuple(_adjusted(known)),
        tuple(x for x in items if x.n_first or x.n_second),
    )


def _difference(
    name: str,
    estimates: tuple[Estimate | None, Estimate | None],
    samples: tuple[Sample | None, Sample | None],
) -> Difference | None:
    """Paired where both have samples of the same items, else from the intervals."""
    x, y = samples
    if x is not None and y is not None and set(x.ids) == set(y.ids):
        return paired_difference(name, x, y)
    first, second = estimates
    if first is None or second is None:
        return None
    return interval_difference(name, first, second)


def _adjusted(found: Sequence[Difference]) -> list[Difference]:
    """The differences with p-values adjusted over all of them together."""
    adjusted = iter(holm([d.p_value for d in found if d.p_value is not None]))
    return [d if d.p_value is None else replace(d, p_holm=next(adjusted)) for d in found]


def _credits(evidence: Evidence, task: Task) -> dict[str, float]:
    """Credit of each item summed over the task's primary metrics."""
    total: dict[str, float] = {}
    for name in task.primary:
        sample = evidence.metrics.get(task.name, {}).get(name)
        if sample is not None:
            for item, value in zip(sample.ids, sample.expected.tolist(), strict=True):
                total[item] = total.get(item, 0.0) + value
    return total


def _disagreements(
    task: str, first: Mapping[str, float], second: Mapping[str, float]
) -> Disagreements:
    common = sorted(first.keys() & second.keys())
    better = [i for i in common if first[i] > second[i]]
    worse = [i for i in common if first[i] < second[i]]
    return Disagreements(
        task, tuple(better[:MOST_ITEMS]), len(better), tuple(worse[:MOST_ITEMS]), len(worse)
    )


def detectable(samples: Sequence[Sample], n: int) -> Detectable:
    """Smallest true difference of two models that a paired test finds with a probability of 80 %.

    The median over the pairs of models where per-item values are at hand; else for two models
    that disagree on a quarter of n items: (z_0.975 + z_0.8) sqrt(0.25 / n).
    """
    found = [
        d
        for a, b in combinations(samples[:_MOST_FOR_POWER], 2)
        if set(a.ids) == set(b.ids) and (d := paired_difference("", a, b).detectable) is not None
    ]
    if found:
        return Detectable(median(found), measured=True)
    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(POWER)
    return Detectable(min(1.0, z * math.sqrt(0.25 / max(n, 1))), measured=False)
