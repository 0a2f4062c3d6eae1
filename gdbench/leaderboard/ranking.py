"""Places in a ranking that say how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.leaderboard.estimate import DASH, Estimate


@dataclass(frozen=True)
class Place:
    """A rank interval and the group of rows that cannot be told apart from the best of it."""

    best: int
    worst: int
    group: int

    @property
    def text(self) -> str:
        """`2` or `1–3`."""
        return str(self.best) if self.best == self.worst else f"{self.best}{DASH}{self.worst}"


def places(scores: Mapping[str, Estimate]) -> dict[str, Place]:
    """Rank intervals from the intervals of the scores.

    A model's best rank counts the models that are surely better (their interval lies wholly above
    its own), its worst rank those that are not surely worse. Without intervals the values are
    compared. Overlapping intervals are weaker evidence than a paired test, so the rank intervals
    are too wide rather than too narrow.
    """
    bounds = {name: e.bounds or (e.value, e.value) for name, e in scores.items()}
    order = sorted(scores, key=lambda name: (-scores[name].value, name))
    lows = [bounds[name][0] for name in order]
    highs = [bounds[name][1] for name in order]
    found: dict[str, Place] = {}
    group, leader_low = 0, float("inf")
    for name in order:
        low, high = bounds[name]
        if high < leader_low:
            group, leader_low = group + 1, low
        best = 1 + sum(other > high for other in lows)
        worst = len(order) - sum(other < low for other in highs)
        found[name] = Place(best, worst, group)
    return found
