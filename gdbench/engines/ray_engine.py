"""Workers on Ray Core: one actor for each accelerator, or for each core.

The driver alone knows the run directory; an actor gets items and gives back scores. Ray is asked
for actors and for what they return, and for nothing else: restarts and tries are the scheduler's.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gdbench.engines.base import Engine, Place, Subject, largest
from gdbench.engines.ray_head import Head, check_reachable
from gdbench.engines.scheduler import Assignment, Scheduler
from gdbench.engines.shards import PAIRS, PASSES, SHARDS_PER_WORKER, cost_of, cut, pair_count
from gdbench.engines.worker import Fragment, Ready, Worker
from gdbench.errors import GdbenchError, InputError, MissingExtraError, SetAsideError
from gdbench.protocol import Known, Scores
from gdbench.run import ModelRequest, Spread, Where
from gdbench.store import Clocks

logger = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.5
_STARTS: Final = 3
"""A worker that is lost so often before it has its model is given up."""


@dataclass
class _Job:
    """A shard on its way: whose it is outlives the task, where a copy answers late."""

    scheduler: Scheduler
    items: Sequence[Known]
    assignment: Assignment


@dataclass
class _Seat:
    """A worker's place: its actor may be lost and come again."""

    number: int
    actor: Any = None
    reference: Any = None
    ready: Ready | None = None
    job: _Job | None = None
    lost_starts: int = 0
    shards: int = 0
    pairs: int = 0
    seconds: float = 0.0
    retired: bool = field(default=False)

    @property
    def name(self) -> str:
        host = "" if self.ready is None else f" ({self.ready.place.device} on {self.ready.host})"
        return f"worker {self.number}{host}"


class RayEngine(Engine):
    """Workers that pull shards; a context manager, at whose end they are gone."""

    def __init__(self, request: ModelRequest, where: Where, spread: Spread) -> None:
        """Start or join the cluster, and wait for the first worker that has the model.

        Raises:
            MissingExtraError: Ray is not installed.
            InputError: there is no cluster at the address.
            GdbenchError: Ray does not start, or the model cannot be had in a worker.
        """
        self._ray = _import_ray()
        self._request, self._where = request, where
        self._device_seconds: float | None = 0.0
        self._evaluations: int | None = 0
        self._wall_seconds = 0.0
        self._peak: int | None = 0
        self._gpus = 0
        self._extends = False
        self._fault = ""
        # by the worker's number; they outlive a lost actor
        self._places: dict[int, Place] = {}
        self._seats: list[_Seat] = []
        self._head: Head | None = None
        try:
            count = self._connect(spread)
            self._seats = [_Seat(number) for number in range(1, count + 1)]
            for seat in self._seats:
                self._start(seat)
            self.subject = self._first_subject()
        except BaseException:
            self.close()
            raise

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
        """End the workers, and the cluster where it was started here."""
        for seat in self._seats:
            if seat.shards:
                rate = seat.pairs / max(seat.seconds, 1e-9)
                logger.debug(
                    "%s: %d shards, %d pairs, %.4g pairs/s", seat.name, seat.shards, seat.pairs,
                    rate,
                )  # fmt: skip
            # without a head nobody answers, and its workers end by themselves
            if seat.actor is not None and not (self._head and self._head.lost):
                self._ray.kill(seat.actor)
        self._seats = []
        self._ray.shutdown()

    def _connect(self, spread: Spread) -> int:
        """Join or start a cluster; the number of workers."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if spread.address is None:
            options |= {"include_dashboard": False, "num_cpus": spread.workers, "address": "local"}
        else:
            options["address"] = spread.address
        try:
            if spread.address is not None:
                check_reachable(spread.address)
            self._init(options)
        except Exception as error:
            # Ray raises plain exceptions of many kinds where a cluster is not there or not in time
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            if spread.address is None:
                raise GdbenchError(f"Ray could not be started on this machine: {reason}") from error
            raise InputError(
                f"--address {spread.address}: no Ray cluster there ({reason}); start one with "
                "`ray start --head`, and set RAY_AUTH_MODE=token for one that asks for a token"
            ) from error
        self._head = Head(self._ray.get_runtime_context().gcs_address)
        resources = self._ray.cluster_resources()
        wants_gpu = (self._where.device or "cuda").startswith("cuda")
        self._gpus = 1 if wants_gpu and resources.get("GPU", 0) >= 1 else 0
        there = resources.get("GPU" if self._gpus else "CPU", 1)
        return spread.workers or max(1, int(there))

    def _init(self, options: dict[str, Any]) -> None:
        """Join or start a cluster; its own start has 30 s, too few on a machine that is busy."""
        for left in reversed(range(_STARTS)):
            try:
                self._ray.init(**options)
            except Exception:
                self._ray.shutdown()
                if left == 0 or options["address"] != "local":
                    raise
            else:
                return

    def _start(self, seat: _Seat) -> None:
        """A new actor for a seat; until it is ready it gets no work."""
        remote = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=0)(Worker)
        seat.ready, seat.job = None, None
        seat.actor = remote.remote()
        seat.reference = seat.actor.load.remote(self._request, self._where, str(Path.cwd()))

    def _first_subject(self) -> Subject:
        while True:
            for seat in self._settled():
                self._welcome(seat)
                if seat.ready is not None:
                    self._extends = seat.ready.extends
                    return seat.ready.subject

    def _settled(self) -> list[_Seat]:
        """Seats whose actor has answered; waits a moment for the first."""
        waiting = {seat.reference: seat for seat in self._seats if seat.reference is not None}
        if not waiting:
            raise GdbenchError(
                f"no Ray worker is left, each was lost {_STARTS} times before it had its model: "
                f"{self._fault}"
            )
        if self._head is not None:
            self._head.check()
        settled, _ = self._ray.wait(list(waiting), num_returns=1, timeout=_POLL_SECONDS)
        return [waiting[reference] for reference in settled]

    def _answer(self, seat: _Seat) -> Any:
        """What the actor returned; None: the actor is lost."""
        reference, seat.reference = seat.reference, None
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [""]
            self._fault = f"{seat.name} was lost ({type(error).__name__}: {lines[-1].strip()})"
            if self._head is not None:
                self._head.check(now=True)
            return None

    def _welcome(self, seat: _Seat) -> None:
        """Take in an actor that has, or has not, loaded the model.

        Raises GdbenchError where it cannot be had, or is not the model of the others.
        """
        answer = self._answer(seat)
        if answer is None:
            seat.lost_starts += 1
            seat.retired = seat.lost_starts >= _STARTS
            if seat.retired:
                logger.warning("%s, for the %d. time: given up", self._fault, _STARTS)
            else:
                self._start(seat)
            return
        if isinstance(answer, str):
            raise GdbenchError(answer)
        seat.ready, seat.lost_starts = answer, 0
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

    def begin(self) -> None:
        """See `Engine`."""
        self._peak = 0

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
        parts = SHARDS_PER_WORKER * len(self._seats)
        scheduler = Scheduler(cut(clusters, costs, parts, PASSES if steps else PAIRS))
        while not scheduler.done:
            for seat in self._seats:
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

    def _hand_out(self, seat: _Seat, scheduler: Scheduler, known: Sequence[Known]) -> None:
        assignment = scheduler.take(seat.number, time.monotonic())
        if assignment is None:
            return
        seat.job = _Job(scheduler, known, assignment)
        seat.reference = seat.actor.score.remote([known[p] for p in assignment.positions])

    def _collect(self, seat: _Seat, job: _Job) -> Iterator[Scores]:
        """The scores that a worker brings, as far as they are the first of their items."""
        answer: Fragment | None = self._answer(seat)
        if answer is None:
            logger.warning("%s; its shard is tried again", self._fault)
            self._start(seat)
            job.scheduler.fail(seat.number, self._fault)
            return
        seat.job = None
        self._account(seat, answer, job)
        places = {job.items[p][0].id: p for p in job.assignment.positions}
        for scores in answer.scores:
            if job.scheduler.deliver(job.assignment.number, places[scores.item_id]):
                yield scores
        if answer.error:
            logger.warning("%s: %s", seat.name, answer.error)
            job.scheduler.fail(seat.number, answer.error)
        else:
            job.scheduler.finish(seat.number, time.monotonic())

    def _account(self, seat: _Seat, answer: Fragment, job: _Job) -> None:
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

    def clocks(self) -> Clocks:
        """See `Engine`."""
        return Clocks(self._device_seconds, self._evaluations, self._wall_seconds)

    def place(self) -> Place:
        """See `Engine`; of the workers that have scored something."""
        scored = [seat.number for seat in self._seats if seat.shards]
        places = [self._places[number] for number in scored or self._places]
        names = tuple(sorted(p.device_name or p.device for p in places))
        return places[0].model_copy(
            update={"devices": names, "peak_memory_bytes": self._peak or None}
        )


def _is_whole(known: Known, steps: int) -> bool:
    errors = None if known[1] is None else known[1].errors
    return bool(steps) and errors is not None and errors.shape[-1] >= steps


def _sum(total: float | None, more: float | None) -> float | None:
    """None where one of the two is not known."""
    return None if total is None or more is None else math.fsum((total, more))


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "--engine ray needs Ray: pip install 'gdbench[ray]' (or use --shard i/n)"
        ) from error
    return ray
