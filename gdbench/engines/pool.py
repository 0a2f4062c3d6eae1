"""Workers that pull shards: what there is to do is the same whatever kind of process they are.

The driver alone knows the run directory; a worker gets items and gives back scores. How a process
is started, asked and ended is the subclass's (`ray_engine.py`, `processes.py`); restarts and tries
are the scheduler's.
"""

from __future__ import annotations

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from gdbench.engines.base import Engine, Place, Subject, largest
from gdbench.engines.scheduler import Assignment, Scheduler
from gdbench.engines.shards import PAIRS, PASSES, SHARDS_PER_WORKER, cost_of, cut, pair_count
from gdbench.engines.worker import Fragment, Ready
from gdbench.errors import GdbenchError, SetAsideError
from gdbench.operations import NOT_COUNTED
from gdbench.protocol import Known, Scores
from gdbench.records import Prices
from gdbench.store import Clocks

logger = logging.getLogger(__name__)
POLL_SECONDS: Final = 0.5
"""How long the driver waits for an answer before it looks around."""
STARTS: Final = 3
"""A worker that is lost so often before it has its model is given up."""


@dataclass
class Job:
    """A shard on its way: whose it is outlives the task, where a copy answers late."""

    scheduler: Scheduler
    items: Sequence[Known]
    assignment: Assignment


@dataclass
class Seat:
    """A worker's place: its process may be lost and come again."""

    number: int
    device: str = ""
    """What the engine calls its device, where the process has another name for it."""
    handle: Any = None
    """Whatever the engine knows the process by."""
    busy: bool = False
    """Whether an answer is awaited."""
    ready: Ready | None = None
    job: Job | None = None
    lost_starts: int = 0
    shards: int = 0
    pairs: int = 0
    seconds: float = 0.0
    retired: bool = False

    @property
    def name(self) -> str:
        """In messages."""
        if self.ready is None:
            return f"worker {self.number}"
        device = self.device or self.ready.place.device
        return f"worker {self.number} ({device} on {self.ready.host})"


class PoolEngine(Engine):
    """Scores with many workers; a context manager, at whose end they are gone."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self.fault = ""
        """What became of the worker that was lost last."""
        self.passes_each = 0
        """Of the task, for one worker."""
        self._device_seconds: float | None = 0.0
        self._evaluations: int | None = 0
        self._wall_seconds = 0.0
        self._peak: int | None = 0
        self._device_peak: int | None = 0
        self._extends = False
        self._prices = Prices(unknown=NOT_COUNTED)
        # by the worker's number; they outlive a lost process
        self._places: dict[int, Place] = {}
        self._told: set[str] = set()

    def open(self, count: int) -> None:
        """Start so many workers, and wait for the first that has the model.

        Raises GdbenchError where it cannot be had in a worker.
        """
        self.seats = [Seat(number) for number in range(1, count + 1)]
        for seat in self.seats:
            self._start(seat)
        self.subject = self._first_subject()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        for seat in self.seats:
            if seat.shards:
                rate = seat.pairs / max(seat.seconds, 1e-9)
                logger.debug(
                    "%s: %d shards, %d pairs, %.4g pairs/s", seat.name, seat.shards, seat.pairs,
                    rate,
                )  # fmt: skip
        for seat in self.seats:
            if seat.handle is not None:
                self.dismiss(seat)
        self.seats = []

    @abstractmethod
    def hire(self, seat: Seat) -> None:
        """Start a process for a seat, and ask it to load the model (`Worker.load`)."""

    @abstractmethod
    def send(self, seat: Seat, items: list[Known]) -> None:
        """Ask a seat's process for scores (`Worker.score`), with `passes_each`."""

    @abstractmethod
    def settled(self, seats: list[Seat]) -> list[Seat]:
        """Those of some busy seats whose process has answered or is lost; waits a moment."""

    @abstractmethod
    def answer(self, seat: Seat) -> Any:
        """What the process of a settled seat answered; None: it is lost, and `fault` says how."""

    @abstractmethod
    def dismiss(self, seat: Seat) -> None:
        """End the process of a seat, whatever it does."""

    def _start(self, seat: Seat) -> None:
        """A new process for a seat; until it is ready it gets no work."""
        seat.ready, seat.job = None, None
        seat.busy = True
        self.hire(seat)

    def _first_subject(self) -> Subject:
        while True:
            for seat in self._settled():
                self._welcome(seat)
                if seat.ready is not None:
                    self._extends, self._prices = seat.ready.extends, seat.ready.prices
                    return seat.ready.subject

    def _settled(self) -> list[Seat]:
        """Seats whose process has answered; waits a moment for the first."""
        busy = [seat for seat in self.seats if seat.busy]
        if not busy:
            raise GdbenchError(
                f"no worker is left, each was lost {STARTS} times before it had its model: "
                f"{self.fault}"
            )
        return self.settled(busy)

    def _answer(self, seat: Seat) -> Any:
        seat.busy = False
        return self.answer(seat)

    def _welcome(self, seat: Seat) -> None:
        """Take in a process that has, or has not, loaded the model.

        Raises GdbenchError where it cannot be had, or is not the model of the others.
        """
        answer: Ready | str | None = self._answer(seat)
        if answer is None:
            seat.lost_starts += 1
            seat.retired = seat.lost_starts >= STARTS
            if seat.retired:
                logger.warning("%s, for the %d. time: given up", self.fault, STARTS)
            else:
                self._start(seat)
            return
        if isinstance(answer, str):
            raise GdbenchError(answer)
        seat.ready, seat.lost_starts = answer, 0
        self._tell(seat, answer.warnings)
        self._places[seat.number] = answer.place
        expected = getattr(self, "subject", None)
        if expected is not None and answer.subject != expected:
            parts = answer.subject.content.differences(expected.content)
            raise GdbenchError(
                f"{seat.name} has another model than the first worker: "
                f"{', '.join(parts) or 'settings'} differ; was a file changed?"
            )
        logger.debug("%s has the model", seat.name)

    @property
    def extends(self) -> bool:
        """See `Engine`; as the workers say of their model."""
        return self._extends

    def begin(self, passes: int = 0) -> None:
        """See `Engine`."""
        self.passes_each = passes // len(self.seats)
        self._peak = self._device_peak = 0

    def score(
        self,
        items: Iterable[Known],
        *,
        rescue: Callable[[], None] | None = None,  # noqa: ARG002 # a worker's end ends no driver
    ) -> Iterator[Scores]:
        """See `Engine`; a shard at a time, in the order in which they are done."""
        steps = len(self.subject.settings.timesteps or ())
        # whole items are there for their unconditional errors alone, and no worker sees all
        known = [one for one in items if not _is_whole(one, steps)]
        clusters = [item.cluster or item.id for item, _ in known]
        costs = [cost_of(one, steps) for one in known]
        parts = SHARDS_PER_WORKER * len(self.seats)
        scheduler = Scheduler(cut(clusters, costs, parts, PASSES if steps else PAIRS))
        while not scheduler.done:
            for seat in self.seats:
                if seat.ready is not None and seat.job is None:
                    self._hand_out(seat, scheduler, known)
            for seat in self._settled():
                if seat.job is None:
                    self._welcome(seat)
                else:
                    yield from self._collect(seat, seat.job)
        if scheduler.set_aside:
            ids = [known[position][0].id for position in scheduler.set_aside]
            error = next(iter(scheduler.set_aside.values()))
            raise SetAsideError(
                f"{len(ids)} items were set aside, the first is {min(ids)}: {error}"
            )

    def _hand_out(self, seat: Seat, scheduler: Scheduler, known: Sequence[Known]) -> None:
        assignment = scheduler.take(seat.number, time.monotonic())
        if assignment is None:
            return
        seat.job = Job(scheduler, known, assignment)
        seat.busy = True
        self.send(seat, [known[p] for p in assignment.positions])

    def _collect(self, seat: Seat, job: Job) -> Iterator[Scores]:
        """The scores that a worker brings, as far as they are the first of their items."""
        answer: Fragment | None = self._answer(seat)
        if answer is None:
            logger.warning("%s; its shard is tried again", self.fault)
            self._start(seat)
            job.scheduler.fail(seat.number, self.fault)
            return
        seat.job = None
        self._account(seat, answer, job)
        self._tell(seat, answer.warnings)
        places = {job.items[p][0].id: p for p in job.assignment.positions}
        for scores in answer.scores:
            if job.scheduler.deliver(job.assignment.number, places[scores.item_id]):
                yield scores
        if answer.error:
            logger.warning("%s: %s", seat.name, answer.error)
            job.scheduler.fail(seat.number, answer.error)
        else:
            job.scheduler.finish(seat.number, time.monotonic())

    def _tell(self, seat: Seat, warnings: Sequence[str]) -> None:
        """What workers warned of, each text once."""
        for text in warnings:
            if text not in self._told:
                self._told.add(text)
                logger.warning("%s: %s", seat.name, text)

    def _account(self, seat: Seat, answer: Fragment, job: Job) -> None:
        seat.shards += 1
        ids = {scores.item_id for scores in answer.scores}
        seat.pairs += sum(
            pair_count(job.items[p][0])
            for p in job.assignment.positions
            if job.items[p][0].id in ids
        )
        device, evaluations, wall = answer.spent
        seat.seconds += wall or 0.0
        self._wall_seconds += wall or 0.0
        self._device_seconds = _sum(self._device_seconds, device)
        evaluated = _sum(self._evaluations, evaluations)
        self._evaluations = None if evaluated is None else int(evaluated)
        self._peak = largest((self._peak, answer.peak_memory_bytes))
        self._device_peak = largest((self._device_peak, answer.peak_device_memory_bytes))

    def clocks(self) -> Clocks:
        """See `Engine`."""
        return Clocks(self._device_seconds, self._evaluations, self._wall_seconds)

    def prices(self) -> Prices:
        """See `Engine`; as the first worker says."""
        return self._prices

    def place(self) -> Place:
        """See `Engine`; of the workers that have scored something."""
        scored = [seat.number for seat in self.seats if seat.shards]
        places = [self._places[number] for number in scored or self._places]
        names = tuple(sorted(p.device_name or p.device for p in places))
        return places[0].model_copy(
            update={
                "devices": names,
                "peak_memory_bytes": self._peak or None,
                "peak_device_memory_bytes": self._device_peak or None,
            }
        )


def _is_whole(known: Known, steps: int) -> bool:
    errors = None if known[1] is None else known[1].errors
    return bool(steps) and errors is not None and errors.shape[-1] >= steps


def _sum(total: float | None, more: float | None) -> float | None:
    """None where one of the two is not known."""
    return None if total is None or more is None else math.fsum((total, more))
