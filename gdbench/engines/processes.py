"""Worker processes on this machine: one for each device, asked through pipes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

from gdbench.engines.pool import POLL_SECONDS, PoolEngine, Seat
from gdbench.engines.worker import Worker
from gdbench.errors import InputError
from gdbench.protocol import Known
from gdbench.run import ModelRequest, Where

_PATIENCE: Final = 5.0
"""Seconds that a process has to end."""


def device_list(devices: str) -> tuple[str, ...]:
    """The devices of `--devices`: `all` GPUs, or names with commas, of which some may be the same.

    Raises InputError for one that is not there, and for `all` where there is no GPU.
    """
    import torch

    count = torch.cuda.device_count()
    if devices.strip() == "all":
        if not count:
            raise InputError("--devices all: there is no CUDA device; name devices, e.g. cpu,cpu")
        return tuple(f"cuda:{number}" for number in range(count))
    names = tuple(name.strip() for name in devices.split(","))
    there = {"cpu", *(f"cuda:{number}" for number in range(count))}
    for name in names:
        if not re.fullmatch(r"cpu|cuda:[0-9]{1,3}", name):
            raise InputError(f"--devices {devices!r}: expected all, or names such as cuda:0,cuda:1")
        if name not in there:
            raise InputError(f"--devices {name}: not available here")
    if "cpu" in names and torch.backends.mps.is_available():
        raise InputError("--devices cpu: models take mps on this machine; use --device cpu")
    return names


def _visible(device: str) -> str:
    """What CUDA is to see in a process for a device: that one alone, or none."""
    if device == "cpu":
        return ""
    number = int(device.partition(":")[2])
    # as this process sees them: some may be hidden already
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return seen.split(",")[number].strip() if seen else str(number)


@dataclass
class _Child:
    process: SpawnProcess
    pipe: Connection


class ProcessEngine(PoolEngine):
    """A seat's handle is its process with this end of its pipe."""

    def __init__(self, request: ModelRequest, where: Where, devices: tuple[str, ...]) -> None:
        """Start a process for each device, and wait for the first that has the model.

        Raises GdbenchError where the model cannot be had.
        """
        super().__init__()
        self._request, self._where, self._devices = request, where, devices
        self._context = multiprocessing.get_context("spawn")
        try:
            self.open(len(devices))
        except BaseException:
            self.close()
            raise

    def hire(self, seat: Seat) -> None:
        """See `PoolEngine`."""
        if seat.handle is not None:
            self.dismiss(seat)
        seat.device = self._devices[seat.number - 1]
        ours, theirs = self._context.Pipe()
        sharing = self._devices.count("cpu") if seat.device == "cpu" else 1
        process = self._context.Process(
            target=_serve, args=(theirs, _visible(seat.device), sharing), name=seat.name
        )
        with _interrupts_held():
            process.start()
        # only where the other end is theirs alone does this one see that they are gone
        theirs.close()
        seat.handle = _Child(process, ours)
        self._ask(seat, "load", self._request, self._where, str(Path.cwd()))

    def send(self, seat: Seat, items: list[Known]) -> None:
        """See `PoolEngine`."""
        self._ask(seat, "score", items, self.passes_each)

    def _ask(self, seat: Seat, *message: object) -> None:
        # a process that is gone is found out when its answer is read
        with suppress(OSError):
            seat.handle.pipe.send(message)

    def settled(self, seats: list[Seat]) -> list[Seat]:
        """See `PoolEngine`."""
        waiting = {seat.handle.pipe: seat for seat in seats}
        return [waiting[pipe] for pipe in connection.wait(list(waiting), POLL_SECONDS)]

    def answer(self, seat: Seat) -> Any:
        """See `PoolEngine`."""
        child: _Child = seat.handle
        try:
            return child.pipe.recv()
        except (EOFError, OSError):
            child.process.join(_PATIENCE)
            self.fault = f"{seat.name} was lost ({_end_of(child.process.exitcode)})"
            return None

    def dismiss(self, seat: Seat) -> None:
        """See `PoolEngine`."""
        child: _Child = seat.handle
        child.pipe.close()
        child.process.terminate()
        child.process.join(_PATIENCE)
        if child.process.is_alive():
            child.process.kill()
            child.process.join()
        child.process.close()
        seat.handle = None


def _end_of(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is over; a process that is started in it never sees one.

    It is the driver that ends its workers.
    """
    # it is started with the first process, and would let signals through again
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, visible: str, sharing: int) -> None:
    """Answer until the driver is gone.

    The device is chosen by hiding all others, so that models which choose by themselves, as a
    user's may, find it too. `sharing` processes have this machine's cores.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = visible
    logging.getLogger("gdbench").propagate = False
    if sharing > 1:
        import torch

        torch.set_num_threads(max(1, torch.get_num_threads() // sharing))
    worker = Worker()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            name, *arguments = pipe.recv()
            pipe.send(getattr(worker, name)(*arguments))
