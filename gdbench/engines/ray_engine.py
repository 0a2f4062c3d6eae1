"""Workers on Ray Core: one actor for each accelerator, or for each core.

Ray is asked for actors and for what they return, and for nothing else (see `pool.py`).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from gdbench.engines.pool import POLL_SECONDS, STARTS, PoolEngine, Seat
from gdbench.engines.ray_head import Head, check_reachable
from gdbench.engines.worker import Worker
from gdbench.errors import GdbenchError, InputError, MissingExtraError
from gdbench.protocol import Known
from gdbench.run import ModelRequest, Spread, Where


class RayEngine(PoolEngine):
    """A seat's handle is its actor, and the reference to what that will return."""

    def __init__(self, request: ModelRequest, where: Where, spread: Spread) -> None:
        """Start or join the cluster, and wait for the first worker that has the model.

        Raises:
            MissingExtraError: Ray is not installed.
            InputError: there is no cluster at the address.
            GdbenchError: Ray does not start, or the model cannot be had in a worker.
        """
        super().__init__()
        self._ray = _import_ray()
        self._request, self._where = request, where
        self._gpus = 0
        self._head: Head | None = None
        try:
            self.open(self._connect(spread))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers, and the cluster where it was started here."""
        super().close()
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
        for left in reversed(range(STARTS)):
            try:
                self._ray.init(**options)
            except Exception:
                self._ray.shutdown()
                if left == 0 or options["address"] != "local":
                    raise
            else:
                return

    def hire(self, seat: Seat) -> None:
        """See `PoolEngine`."""
        remote = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=0)(Worker)
        actor = remote.remote()
        seat.handle = actor, actor.load.remote(self._request, self._where, str(Path.cwd()))

    def send(self, seat: Seat, items: list[Known]) -> None:
        """See `PoolEngine`."""
        actor, _ = seat.handle
        seat.handle = actor, actor.score.remote(items, self.passes_each)

    def settled(self, seats: list[Seat]) -> list[Seat]:
        """See `PoolEngine`."""
        waiting = {seat.handle[1]: seat for seat in seats}
        if self._head is not None:
            self._head.check()
        settled, _ = self._ray.wait(list(waiting), num_returns=1, timeout=POLL_SECONDS)
        return [waiting[reference] for reference in settled]

    def answer(self, seat: Seat) -> Any:
        """See `PoolEngine`."""
        try:
            return self._ray.get(seat.handle[1])
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [""]
            self.fault = f"{seat.name} was lost ({type(error).__name__}: {lines[-1].strip()})"
            if self._head is not None:
                self._head.check(now=True)
            return None

    def dismiss(self, seat: Seat) -> None:
        """See `PoolEngine`. Without a head nobody answers, and its workers end by themselves."""
        if not (self._head and self._head.lost):
            self._ray.kill(seat.handle[0])


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "--engine ray needs Ray: pip install 'gdbench[ray]' (or use --shard i/n)"
        ) from error
    return ray
