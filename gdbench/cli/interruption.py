"""Ctrl-C and SIGTERM: what a verb says, and exit code 130."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import ParamSpec, TypeVar

from gdbench.errors import GdbenchError

INTERRUPTED = 130
_P = ParamSpec("_P")
_R = TypeVar("_R")


class InterruptedRunError(GdbenchError):
    """A run was stopped that the same command continues."""


def goes_on(verb: Callable[_P, _R]) -> Callable[_P, _R]:
    """For a verb that goes on where it was: say so when it is interrupted.

    Typer would end it without a word.
    """

    @wraps(verb)
    def run(*arguments: _P.args, **options: _P.kwargs) -> _R:
        try:
            return verb(*arguments, **options)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                "interrupted; start the same command again to go on"
            ) from None

    return run


@contextmanager
def terminable() -> Iterator[None]:
    """A scheduler's SIGTERM in the block is taken as Ctrl-C.

    So what was scored is written, locks are released, and what is half made is taken away.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
