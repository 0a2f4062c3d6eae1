"""Places in a ranking that say how sure they are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

from gdbench.leaderboard.judged.board import Place
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import Sample
from gdbench.metrics.ranks import pairwise, rank_intervals

LEVEL = 0.05


def places_by_tests(samples: Mapping[str, Sample]) -> dict[str, Place]:
    """Places from paired tests of all pairs over the same items, with Holm's adjustment."""
    tests = pairwise(samples)
    found = rank_intervals(samples, tests, level=LEVEL)
    apart = {frozenset(pair) for pair, d in tests.items() if d.significant(LEVEL)}
    groups = _groups(list(found), lambda a, b: frozenset((a, b)) in apart)
    return {name: Place(r.best, r.worst, groups[name]) for name, r in found.items()}


def places_by_intervals(scores: Mapping[str, Estimate]) -> dict[str, Place]:
    """Places from the intervals of the scores alone.

    A model is surely better than another where its interval lies wholly above. Overlapping
    intervals are weaker evidence than a paired test, so rank intervals are too wide rather than
    too narrow. Without intervals the values are compared.
    """
    bounds = {name: e.bounds or (e.value, e.value) for name, e in scores.items()}
    order = sorted(scores, key=lambda name: (-scores[name].value, name))
    groups = _groups(order, lambda a, b: bounds[b][1] < bounds[a][0])
    lows, highs = (
        (sorted(ends) for ends in zip(*bounds.values(), strict=True)) if bounds else ([], [])
    )
    return {
        name: Place(
            1 + len(lows) - bisect_right(lows, bounds[name][1]),
            len(order) - bisect_left(highs, bounds[name][0]),
            groups[name],
        )
        for name in order
    }


def _groups(order: Sequence[str], apart: Callable[[str, str], bool]) -> dict[str, int]:
    """Number of the group of each name: a new one begins where a name differs from its first."""
    found: dict[str, int] = {}
    leader = ""
    group = 0
    for name in order:
        if not leader or apart(leader, name):
            leader, group = name, group + 1
        found[name] = group
    return found
