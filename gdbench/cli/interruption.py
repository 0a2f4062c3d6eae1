"""Ctrl-C: what a verb says, and exit code 130."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
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
