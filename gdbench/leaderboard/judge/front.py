"""Score against cost: the models that no other surely beats in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdbench.leaderboard.judged.board import Row

Better = Callable[[str, str], bool]
"""Whether the first model is surely better than the second."""


def front(points: Sequence[tuple[str, float, float]], better: Better) -> tuple[str, ...]:
    """Names, cheapest first, each surely better than all cheaper ones.

    Points have a name, a cost and a score.
    """
    kept: list[str] = []
    for name, _, _ in sorted(points, key=lambda p: (p[1], -p[2], p[0])):
        if all(better(name, other) for other in kept):
            kept.append(name)
    return tuple(kept)


def front_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The front of a pool's ranked rows; cost is operations for each item.

    It rises only where the ranks, which rest on tests, tell the models apart. Controls and parts
    of tasks have no rank and are nobody's rivals.
    """
    places = {row.name: row.place for row in rows}

    def better(one: str, other: str) -> bool:
        a, b = places[one], places[other]
        return a is not None and b is not None and a.worst < b.best

    points = [
        (row.name, row.flops_per_item, row.score.value)
        for row in rows
        if row.place is not None and row.score is not None and row.flops_per_item
    ]
    return front(points, better)
