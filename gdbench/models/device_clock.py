"""How long a device was at work for a model."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def wait_for(device: torch.device) -> None:
    """Return when everything that was given to the device is done."""
    if device.type == "cpu":
        return
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class DeviceClock:
    """Seconds in which networks ran on a device.

    On CUDA the device itself notes when it begins and ends, so that nothing waits for the clock;
    elsewhere a block is timed to its end.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._seconds = 0.0
        self._counts = True
        # events before and after what the device was given, the oldest first
        self._marks: deque[tuple[torch.cuda.Event, torch.cuda.Event]] = deque()

    @property
    def seconds(self) -> float:
        """Of all blocks that are done."""
        while self._marks and self._marks[0][1].query():  # type: ignore[no-untyped-call] # torch's
            begin, end = self._marks.popleft()
            self._seconds += begin.elapsed_time(end) / 1000.0
        return self._seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a block that runs a network."""
        if self.device.type == "cuda":
            begin = self._mark()
            yield
            if self._counts:
                self._marks.append((begin, self._mark()))
            return
        start = time.perf_counter()
        try:
            yield
            wait_for(self.device)
        finally:
            if self._counts:
                self._seconds += time.perf_counter() - start

    def _mark(self) -> torch.cuda.Event:
        import torch

        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call] # torch's
        event.record(torch.cuda.current_stream(self.device))
        return event

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count what runs in a block."""
        self._counts = False
        try:
            yield
        finally:
            self._counts = True
