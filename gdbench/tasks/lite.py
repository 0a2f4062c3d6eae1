"""GDBench-lite: a frozen, ranked choice of at most 300 items of each sub-task.

The choice depends on the published ids, tags and clusters alone, so it is the same everywhere.
Items are ranked, and any first part of the ranking is itself a choice of this kind: first come
items of different pictures, and within these the strata (relation, breed, kind of example: the
tags) in proportion to their size.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from gdbench.protocol import Item, Query

LITE = "lite"
VERSION = "lite-1"
CAP, ASSOCIATION_CAP = 300, 100
"""Items of a sub-task; pictures of a group, each of which is held against all words."""


def cap(query: Query) -> int:
    """At most so many items of a sub-task."""
    return ASSOCIATION_CAP if query is Query.ASSOCIATION else CAP


def _draw(item: Item) -> bytes:
    return hashlib.sha256(f"{VERSION}/{item.id}".encode()).digest()


def ranked(items: Iterable[Item]) -> list[Item]:
    """The items of one sub-task in the order in which they are chosen."""
    clusters: dict[str, int] = defaultdict(int)
    turns: dict[str, int] = {}
    for item in sorted(items, key=_draw):
        name = item.cluster or item.id
        turns[item.id] = clusters[name]
        clusters[name] += 1
    strata: dict[tuple[int, tuple[str, ...]], list[Item]] = defaultdict(list)
    for item in sorted(items, key=_draw):
        strata[turns[item.id], item.tags].append(item)
    place = {
        item.id: (turn, (k + 0.5) / len(group), _draw(item))
        for (turn, _), group in strata.items()
        for k, item in enumerate(group)
    }
    return sorted(items, key=lambda item: place[item.id])


def chosen(items: Sequence[Item], most: int | None = None) -> list[Item]:
    """The items of GDBench-lite, in their original order; `most`: another cap than that of lite."""
    by_subtask: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_subtask[item.subtask].append(item)
    kept = {
        item.id
        for group in by_subtask.values()
        for item in ranked(group)[: most or cap(group[0].query)]
    }
    return [item for item in items if item.id in kept]


def ids_sha256(items: Iterable[Item]) -> dict[str, str]:
    """For each sub-task a hash over the ids of these items, whatever their order."""
    ids: dict[str, list[str]] = defaultdict(list)
    for item in items:
        ids[item.subtask].append(item.id)
    return {
        name: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
        for name, found in ids.items()
    }
