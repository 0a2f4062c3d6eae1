"""The head of a Ray cluster: whether it is there is asked here, and not of Ray.

What Ray is asked for without a head waits, until after a minute Ray ends the process that waits,
whatever that has in hand.
"""

from __future__ import annotations

import socket
import time
from typing import Final

from gdbench.errors import GdbenchError

_EVERY: Final = 2.0
"""Seconds in which a head that answered is taken to be there."""
_PATIENCE: Final = 5.0
"""Seconds for one connection."""
_SILENCE: Final = 20.0
"""Seconds after which a head that cannot be reached is gone."""


class Head:
    """The head of a cluster that was joined."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._place = _place_of(address)
        self._seen = time.monotonic()
        self.lost = False

    def check(self, *, now: bool = False) -> None:
        """Wait for it, if need be. Raises GdbenchError where it does not come back.

        Nothing is done where it was there a moment ago, but for `now`.
        """
        begin = time.monotonic()
        if begin - self._seen < _EVERY and not now:
            return
        while True:
            try:
                socket.create_connection(self._place, timeout=_PATIENCE).close()
            except OSError as error:
                if time.monotonic() - begin > _SILENCE:
                    self.lost = True
                    raise GdbenchError(
                        f"the Ray head at {self.address} is gone "
                        f"({error.strerror or error}); what was scored is kept and the same "
                        "command goes on, once there is a cluster"
                    ) from error
                time.sleep(1)
            else:
                self._seen = time.monotonic()
                return


def check_reachable(address: str) -> None:
    """Raise OSError where nobody listens at an address that is about to be joined."""
    try:
        place = _place_of(address)
    except ValueError:
        # "auto", or a name that only Ray knows
        return
    socket.create_connection(place, timeout=_PATIENCE).close()


def _place_of(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `ray://HOST:PORT`. Raises ValueError for anything else."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    return host.strip("[]"), int(port)
