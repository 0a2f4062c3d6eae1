"""How long a device was at work for a model."""

from __future__ import annotations

import time
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
    """Seconds in which networks ran on a device, from the first launch to the last result."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self._counts = True

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a block that runs a network; it ends when the device is done."""
        start = time.perf_counter()
        try:
            yield
            wait_for(self.device)
        finally:
            if self._counts:
                self.seconds += time.perf_counter() - start

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count what runs in a block."""
        self._counts = False
        try:
            yield
        finally:
            self._counts = True
