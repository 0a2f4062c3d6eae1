"""Calling code of somebody else: whatever it does, the run ends in one line and keeps its scores.

A model can raise anything, fork, hang, and change what the process has in common (the working
folder, warnings, how numpy and torch treat numbers). What cannot be caught from inside is
`os._exit`, a signal that kills, and C code that holds the interpreter's lock for ever: such a run
has no record, and the same command goes on with it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from gdbench.errors import GdbenchError, ModelOutputError
from gdbench.memory import is_out_of_memory
from gdbench.terminal import error, note, notes

R = TypeVar("R")
GRACE = 5.0
"""Seconds after the alarm that a model has to let go, before the process is ended."""
_TICK = 0.05


class _NoAnswerError(BaseException):
    """Raised inside a model that takes too long; a model's `except Exception` lets it pass."""


class ForeignCode:
    """Calls a model's code; every fault of it is a `ModelOutputError` of one line.

    With `item_timeout` a call may take so many seconds. In the main thread of a Unix system
    SIGALRM interrupts it and the caller gets a ModelOutputError. Where that is not to be had, or
    does not help within `GRACE` seconds (C code that does not return), a second thread calls
    `rescue`, prints the line and ends the process with exit code 2.
    """

    def __init__(
        self,
        name: str,
        awaited: Callable[[], str],
        *,
        item_timeout: float | None = None,
        rescue: Callable[[], None] | None = None,
    ) -> None:
        """Describe the code.

        Args:
            name: of the model.
            awaited: says what it is asked at the moment, e.g. "item 7".
            item_timeout: seconds that a call may take; None: any time.
            rescue: saves what was scored, before the process is ended.
        """
        self.name, self._awaited = name, awaited
        self._limit, self._rescue = item_timeout, rescue
        self._alarm = (
            item_timeout is not None
            and hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
        )
        self._process = os.getpid()
        self._since: float | None = None  # when the call began that is under way
        self._late = self._ending = False
        self._over = threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._replace(threading, "excepthook", self._thread_died)
        if self._alarm:
            before = signal.signal(signal.SIGALRM, self._interrupt)
            self._stack.callback(signal.signal, signal.SIGALRM, before)
        if self._limit is not None:
            self._stack.callback(self._over.set)
            threading.Thread(target=self._watch, daemon=True, name="item-timeout").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def call(self, function: Callable[..., R], *arguments: object) -> R:
        """What the function returns.

        KeyboardInterrupt is the user's, whoever raised it, and passes; so does GdbenchError.
        """
        self._begin()
        try:
            answer = function(*arguments)
            self._end()
        except BaseException as fault:
            # the clock first: what follows is no time of the model
            self._end()
            self._leave_if_forked(1)
            if self._late:
                raise ModelOutputError(self._no_answer()) from None
            if isinstance(fault, (GdbenchError, KeyboardInterrupt)):
                raise
            raise ModelOutputError(self._told(fault)) from fault
        self._leave_if_forked(0)
        return answer

    def _told(self, fault: BaseException) -> str:
        told = describe_fault(fault)
        if is_out_of_memory(fault):
            return (
                f"model {self.name} ran out of memory at {self._awaited()} ({told}); with a "
                "smaller --batch-size or more memory the same command goes on"
            )
        return f"model {self.name} raised {told}"

    def _no_answer(self) -> str:
        return (
            f"{self._awaited()}: model {self.name} gave no answer in {self._limit:g} seconds "
            "(--item-timeout); what was scored is kept and the same command goes on"
        )

    def _begin(self) -> None:
        if self._limit is None:
            return
        self._late = False
        self._since = time.monotonic()
        if self._alarm:
            # again and again: a model may catch the first
            signal.setitimer(signal.ITIMER_REAL, self._limit, max(_TICK, self._limit))

    def _end(self) -> None:
        if self._limit is None:
            return
        self._since = None
        if self._alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        while self._ending:
            time.sleep(1)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._since is not None:
            self._late = True
            raise _NoAnswerError

    def _watch(self) -> None:
        limit = (self._limit or 0.0) + (GRACE if self._alarm else 0.0)
        left = limit
        while not self._over.wait(max(left, _TICK)):
            since = self._since
            left = limit if since is None else since + limit - time.monotonic()
            if since is not None and left <= 0 and since == self._since:
                self._ending = True
                self._end_process()

    def _end_process(self) -> None:
        try:
            if self._rescue is not None:
                self._rescue()
        finally:
            notes.show_cursor()
            error(f"gdbench: {self._no_answer()}")
            os._exit(2)

    def _leave_if_forked(self, code: int) -> None:
        """A copy of this process that a model made is not the run: it writes nothing."""
        if os.getpid() != self._process:
            os._exit(code)

    def _thread_died(self, arguments: Any) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            told = describe_fault(arguments.exc_value)
            note(f"warning: a thread of model {self.name} ended with {told}")

    def _replace(self, owner: Any, name: str, value: object) -> None:
        self._stack.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


def describe_fault(error: BaseException, path: Path | None = None) -> str:
    """One line for an exception from a user's code: type, message, and the line of their file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if path is not None and Path(f.filename).resolve() == path.resolve()]
    frame = (own or frames)[-1] if frames else None
    place = f" (line {frame.lineno} of {Path(frame.filename).name})" if frame else ""
    try:
        message = " ".join(str(error).split())[:200]
    except Exception:  # noqa: BLE001 # its text is a stranger's code too
        message = "(its text cannot be had)"
    return f"{type(error).__name__}{message and ': '}{message}{place}"


@contextmanager
def one_process() -> Iterator[None]:
    """A copy of this process that the block makes, and that returns here, ends."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            # not sys.exit: what is buffered here is the first process's to write
            os._exit(0)


@contextmanager
def preserved() -> Iterator[None]:
    """Put back what a block's models changed of the process.

    That is the working folder, the filters of warnings, numpy's treatment of overflow and the
    like, and torch's default type, gradients and number of threads. Random states are left as they
    are: no number of gdbench is drawn from a state that models share.
    """
    folder = os.getcwd()  # noqa: PTH109 # a text: the folder may be gone later
    with warnings.catch_warnings(), np.errstate(), ExitStack() as stack:
        torch = sys.modules.get("torch")
        if torch is not None:
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            stack.callback(torch.set_grad_enabled, torch.is_grad_enabled())
            threads = torch.get_num_threads()
            stack.callback(
                lambda: torch.get_num_threads() == threads or torch.set_num_threads(threads)
            )
        try:
            yield
        finally:
            with suppress(OSError):
                os.chdir(folder)
