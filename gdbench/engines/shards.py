"""Items cut into shards, and shards dealt out: the same for every engine and every start.

A shard is a few items that one worker scores in one go. Items of one cluster show the same
pictures, whose latents and unconditional errors are computed once, so they stay together unless
they alone are more than a shard.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from gdbench.engines.base import Place
from gdbench.errors import InputError
from gdbench.protocol import Item, Known, Label
from gdbench.records import Prices, Strict

PART: Final = "part.json"
SHARDS_PER_WORKER: Final = 16
"""So many that the last ones to end end nearly together."""


class Bounds(NamedTuple):
    """Of a shard's cost, however many workers there are."""

    least: int = 1
    most: int = 2**62


PASSES: Final = Bounds(512, 8192)
"""For models with timesteps: the last batch of a shard is padded, and a lost worker's shard is lost
with it."""
PAIRS: Final = Bounds(64, 4096)
"""For models without."""


@dataclass(frozen=True)
class Shard:
    """Some items by their place among all."""

    number: int
    positions: tuple[int, ...]
    cost: int
    """Pairs times timesteps."""


@dataclass(frozen=True)
class ShardOf:
    """The `index`-th of `count` equal shares of a run, counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> ShardOf:
        """From `i/n`. Raises InputError for anything else."""
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError(f"--shard {text}: expected i/n with i from 1 to n, such as 1/8")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class ShardPart(Strict):
    """`RUN/<task>/part.json`: this shard's items of the task are all in its log."""

    shard: str
    place: Place
    prices: Prices | None = None
    """None in parts made before operations were counted."""


AsksT = TypeVar("AsksT", bound=Item | Label)


def pair_count(item: Item | Label) -> int:
    """Pairs of an item."""
    if isinstance(item, Label):
        return item.n_images * item.n_texts
    return len(item.images) * len(item.texts)


def cost_of(known: Known, n_timesteps: int) -> int:
    """Pairs times timesteps that are still to be evaluated."""
    item, earlier = known
    done = 0 if earlier is None or earlier.errors is None else earlier.errors.shape[-1]
    return pair_count(item) * max(1, n_timesteps - done)


def cut(
    clusters: Sequence[str], costs: Sequence[int], parts: int, bounds: Bounds | None = None
) -> list[Shard]:
    """Shards of about equal cost, the longest first.

    Args:
        clusters: of each item; items of one cluster share pictures.
        costs: of each item.
        parts: about how many shards are wanted.
        bounds: of their cost; what is left over may be less, and one item may be more.
    """
    least, most = bounds or Bounds()
    groups: dict[str, list[int]] = {}
    for position, cluster in enumerate(clusters):
        groups.setdefault(cluster, []).append(position)
    target = min(max(-(-sum(costs) // max(1, parts)), least), most)
    closed: list[tuple[int, tuple[int, ...]]] = []
    positions: list[int] = []
    cost = 0

    def close() -> None:
        nonlocal cost
        if positions:
            closed.append((cost, tuple(positions)))
        positions.clear()
        cost = 0

    for group in groups.values():
        # a cluster goes over to the next shard whole, unless this one would stay too small
        if cost >= least and cost + sum(costs[position] for position in group) > target:
            close()
        for position in group:
            positions.append(position)
            cost += costs[position]
            if cost >= target:
                close()
    close()
    ordered = sorted(closed, key=lambda shard: (-shard[0], shard[1][0]))
    return [Shard(n, positions, cost) for n, (cost, positions) in enumerate(ordered)]


def share(items: Sequence[AsksT], shard: ShardOf) -> list[AsksT]:
    """The items (or labels) of one share of a task, in the order of the task.

    The shards are dealt out longest first, each to the share with the least so far (Graham 1969).
    """
    costs = [pair_count(item) for item in items]
    clusters = [item.cluster or item.id for item in items]
    loads = [(0, index) for index in range(1, shard.count + 1)]
    positions: list[int] = []
    for piece in cut(clusters, costs, SHARDS_PER_WORKER * shard.count):
        load, index = loads[0]
        heapq.heapreplace(loads, (load + piece.cost, index))
        if index == shard.index:
            positions += piece.positions
    return [items[position] for position in sorted(positions)]
