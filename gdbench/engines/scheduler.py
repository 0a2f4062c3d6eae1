"""Which worker scores which shard, and what becomes of shards that fail.

Nothing here knows what a worker is or what time it is: the same object drives Ray's workers and
the simulation in `benchmarks/scaling.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gdbench.engines.shards import Shard

TRIES: Final = 3
"""A shard that failed so often is set aside."""
OVERDUE: Final = 2.0
"""A shard is copied to an idle worker once it took so many times what the others took."""


@dataclass
class _Progress:
    shard: Shard
    left: set[int]
    started: float = 0.0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Assignment:
    """What a worker is to score."""

    number: int
    positions: tuple[int, ...]


class Scheduler:
    """Hands out the longest waiting shard first; at the end, copies of those that lag behind.

    A copy helps where a worker is slow or hangs (Dean and Ghemawat 2004, section 3.6): whichever
    answers first counts, the other answer is dropped.
    """

    def __init__(self, shards: Sequence[Shard], tries: int = TRIES) -> None:
        self._tries = tries
        self._shards = {s.number: _Progress(s, set(s.positions)) for s in shards}
        self._waiting = deque(s.number for s in shards)
        self._open = {s.number for s in shards}
        # shards with one worker, in the order in which they were begun
        self._alone: dict[int, None] = {}
        self._at: dict[Hashable, int] = {}
        self._rate = (0.0, 0)  # seconds and cost of what is finished
        self.copies = 0
        self.set_aside: dict[int, str] = {}
        """Positions of the items that were given up, with the last error."""

    @property
    def done(self) -> bool:
        """Whether every item is scored or set aside."""
        return not self._open

    def take(self, worker: Hashable, now: float) -> Assignment | None:
        """Work for an idle worker; None: nothing to do at the moment, ask again later.

        Args:
            worker: who asks; it has no other work.
            now: seconds on any steady clock.
        """
        while self._waiting:
            number = self._waiting.popleft()
            if number in self._open:
                self._alone[number] = None
                return self._begin(worker, number, now)
        number = next(iter(self._alone), -1)
        if number < 0 or not self._is_overdue(number, now):
            return None
        del self._alone[number]
        self.copies += 1
        return self._begin(worker, number, now)

    def _begin(self, worker: Hashable, number: int, now: float) -> Assignment:
        progress = self._shards[number]
        progress.started = now
        self._at[worker] = number
        return Assignment(number, tuple(p for p in progress.shard.positions if p in progress.left))

    def _is_overdue(self, number: int, now: float) -> bool:
        seconds, cost = self._rate
        if not cost:
            return False
        progress = self._shards[number]
        expected = progress.shard.cost * seconds / cost
        return now - progress.started > OVERDUE * expected

    def deliver(self, number: int, position: int) -> bool:
        """Whether the scores of an item are the first to arrive (and are to be kept)."""
        left = self._shards[number].left
        if number not in self._open or position not in left:
            return False
        left.remove(position)
        return True

    def finish(self, worker: Hashable, now: float) -> None:
        """A worker has delivered what it had of its shard; what it left out has failed."""
        number = self._at[worker]
        progress = self._shards[number]
        if progress.left:
            self.fail(worker, "the worker left out items")
            return
        del self._at[worker]
        if number in self._open:
            seconds, cost = self._rate
            self._rate = (seconds + now - progress.started, cost + progress.shard.cost)
            self._close(number)

    def fail(self, worker: Hashable, error: str) -> None:
        """A worker was lost, or its shard failed after what it delivered."""
        number = self._at.pop(worker)
        if number not in self._open:
            return
        progress = self._shards[number]
        if not progress.left:
            self._close(number)
            return
        progress.failures.append(error)
        if len(progress.failures) >= self._tries:
            self.set_aside |= dict.fromkeys(progress.left, error)
            self._close(number)
        elif number not in self._at.values():
            self._alone.pop(number, None)
            self._waiting.append(number)
        else:
            # its copy still runs, and is now the only one
            self._alone[number] = None

    def _close(self, number: int) -> None:
        self._open.discard(number)
        self._alone.pop(number, None)
