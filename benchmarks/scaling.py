"""One full evaluation on 1 to 10,000 simulated workers, driven by the engines' own scheduler.

    python -m benchmarks.scaling --passes-per-second 50

What is real: how items are cut into shards, who gets which, copies of what lags, tries, what is
set aside. What is made up: how fast workers are, when they are lost. The driver takes no time.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from dataclasses import asdict, dataclass

from gdbench.engines import scheduler as scheduling
from gdbench.engines.scheduler import Assignment, Scheduler
from gdbench.engines.shards import PASSES, SHARDS_PER_WORKER, cut

# Items, and U-Net passes in millions at 250 samples, counted on the published data.
TASKS = {
    "flickr30k": (2028, 5.3),
    "winoground": (400, 0.6),
    "imagecode": (2302, 8.4),
    "clevr": (8036, 4.0),
    "aro": (82695, 64.0),
    "pets": (7390, 68.0),
    "bias": (2250, 68.0),
}
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class World:
    """How workers behave."""

    passes_per_second: float
    start_seconds: float = 60.0  # until a worker has its model
    spread: float = 0.05  # of the speeds of healthy workers
    slow_share: float = 0.0  # of workers that run at a fifth of the speed
    hours_between_losses: float = float("inf")  # of one worker


@dataclass
class Outcome:
    """What became of a run."""

    seconds: float = 0.0
    busy_seconds: float = 0.0
    lost: int = 0
    copies: int = 0
    set_aside: int = 0


class _Workers:
    """Speeds, moments of loss, and when each has its model."""

    def __init__(self, n: int, world: World, seed: int) -> None:
        self.draw, self.world = random.Random(seed), world
        self.speeds = [self._speed() for _ in range(n)]
        self.losses = [self._loss(0.0) for _ in range(n)]
        self.ready = [world.start_seconds] * n

    def _speed(self) -> float:
        healthy = max(0.5, self.draw.gauss(1.0, self.world.spread))
        slow = self.draw.random() < self.world.slow_share
        return self.world.passes_per_second * healthy * (0.2 if slow else 1.0)

    def _loss(self, now: float) -> float:
        return now + 3600.0 * self.world.hours_between_losses * self.draw.expovariate(1.0)

    def replace(self, worker: int, now: float) -> None:
        """The worker was lost; another one starts in its place."""
        self.speeds[worker], self.losses[worker] = self._speed(), self._loss(now)
        self.ready[worker] = now + self.world.start_seconds


def run_task(costs: list[int], workers: _Workers, begin: float, outcome: Outcome) -> float:
    """The moment at which every item of a task is scored or set aside."""
    n = len(workers.speeds)
    shards = cut([str(k) for k in range(len(costs))], costs, SHARDS_PER_WORKER * n, PASSES)
    plan = Scheduler(shards)
    longest = shards[0].cost / workers.world.passes_per_second
    poll = max(POLL_SECONDS, longest / 8)
    # (when, worker, its shard, whether it is lost before the end)
    events: list[tuple[float, int, Assignment | None, bool]] = [
        (max(begin, workers.ready[w]), w, None, False) for w in range(n)
    ]
    heapq.heapify(events)
    now = begin
    while not plan.done:
        now, worker, work, lost = heapq.heappop(events)
        if lost:
            outcome.lost += 1
            plan.fail(worker, "lost")
            workers.replace(worker, now)
            heapq.heappush(events, (workers.ready[worker], worker, None, False))
            continue
        if work is not None:
            for position in work.positions:
                plan.deliver(work.number, position)
            plan.finish(worker, now)
        if workers.losses[worker] <= now:
            # lost while it had nothing to do
            workers.replace(worker, now)
            heapq.heappush(events, (workers.ready[worker], worker, None, False))
            continue
        work = plan.take(worker, now)
        if work is None:
            heapq.heappush(events, (now + poll, worker, None, False))
            continue
        seconds = sum(costs[p] for p in work.positions) / workers.speeds[worker]
        end = min(now + seconds, workers.losses[worker])
        outcome.busy_seconds += end - now
        heapq.heappush(events, (end, worker, work, end < now + seconds))
    outcome.copies += plan.copies
    outcome.set_aside += len(plan.set_aside)
    return now


def simulate(n: int, world: World, seed: int) -> Outcome:
    """One model, one task after the other, as the engine does it."""
    outcome = Outcome()
    workers = _Workers(n, world, seed)
    now = 0.0
    for items, millions in TASKS.values():
        now = run_task([round(1e6 * millions / items)] * items, workers, now, outcome)
    outcome.seconds = now
    return outcome


def main() -> None:
    """Print a table, and its numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes-per-second", type=float, default=50.0, help="of one worker")
    parser.add_argument("--workers", default="1,4,16,64,256,1000,10000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-copies", action="store_true", help="never copy what lags behind")
    options = parser.parse_args()
    if options.no_copies:
        scheduling.OVERDUE = float("inf")  # type: ignore[misc] # what it would be without them
    rate = options.passes_per_second
    passes = sum(round(1e6 * millions / items) * items for items, millions in TASKS.values())
    worlds = {
        "undisturbed": World(rate),
        "3 % at a fifth of the speed": World(rate, slow_share=0.03),
        "lost every 24 h": World(rate, hours_between_losses=24.0),
        "both, lost every 2 h": World(rate, slow_share=0.03, hours_between_losses=2.0),
    }
    print("| workers | world | hours | efficiency | lost | copies | set aside |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    rows = []
    for n in map(int, options.workers.split(",")):
        for name, world in worlds.items():
            outcome = simulate(n, world, options.seed)
            ideal = passes / rate / n
            rows.append({"workers": n, "world": name, "ideal_seconds": ideal, **asdict(outcome)})
            print(
                f"| {n:,} | {name} | {outcome.seconds / 3600:,.2f} | "
                f"{ideal / outcome.seconds:.0%} | {outcome.lost:,} | {outcome.copies:,} | "
                f"{outcome.set_aside:,} |",
                flush=True,
            )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
