"""Bars with the time left, on standard error."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from gdbench.terminal import clean, notes

_REDRAW_SECONDS = 0.1  # an item may take less time than a bar
_FILE_WIDTH = 160
_BAR, _WORDS = 24, 84  # characters of a bar, and of what stands beside it
_MANY = 100  # items a second, of which no fraction is told


class Words(ProgressColumn):
    """A format string about `task`; what it says is shown as it is."""

    def __init__(self, words: str) -> None:
        self._words = words
        super().__init__()

    def render(self, task: Task) -> Text:
        """The words for this bar."""
        return Text(clean(self._words.format(task=task)), no_wrap=True, overflow="crop")


class _Display(Progress):
    """A display that writes nothing to a file where there was no bar."""

    def stop(self) -> None:
        """Take the display away, or leave its last state."""
        # rich ends the last bar's line, also where there is none
        if self.console.is_interactive or (self.tasks and not self.live.transient):
            super().stop()
        else:
            self.live.stop()


def bars(*, disable: bool = False) -> Progress:
    """A display of bars; a task's field `note` stands behind its bar."""
    _widen()
    return _Display(
        Words("{task.description:<12}"),
        BarColumn(bar_width=max(4, min(_BAR, notes.width - _WORDS))),
        MofNCompleteColumn(),
        Words("{task.fields[note]}"),
        TimeElapsedColumn(),
        Words("left"),
        TimeRemainingColumn(),
        console=notes,
        disable=disable,
    )


def _widen() -> None:
    """A file has no edge at which bars would have to be cut."""
    if not notes.is_terminal and "COLUMNS" not in os.environ:
        notes.width = _FILE_WIDTH


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """What is being done, and for how long already, while it lasts."""
    with _passing(Words("{task.description}"), TimeElapsedColumn()) as progress:
        progress.add_task(what, total=None)
        yield


@contextmanager
def picture_count(task: str) -> Iterator[Callable[[], None]]:
    """How many pictures of a task were looked at; the function yielded counts one more."""
    with _passing(
        Words("reading {task.description}"),
        BarColumn(bar_width=24),
        Words("{task.completed:,} pictures"),
        TimeElapsedColumn(),
    ) as progress:
        bar = progress.add_task(task, total=None)
        yield lambda: progress.advance(bar)


@contextmanager
def byte_bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """Bars for downloads; the function yielded takes a name, bytes done and bytes in all."""
    with _passing(
        Words("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    ) as progress:
        known: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in known:
                known[name] = progress.add_task(name, total=total)
            progress.update(known[name], completed=done, total=total)

        yield show


def _passing(*columns: ProgressColumn) -> Progress:
    """A display that is gone when it is done."""
    _widen()
    return _Display(*columns, console=notes, transient=True)


class EvaluationBars:
    """Shows the tasks of one `evaluate()` in a display, and takes them away at the end."""

    def __init__(self, display: Progress, note: str = "") -> None:
        self._display, self._note = display, note
        self._known: dict[str, TaskID] = {}
        self._drawn = 0.0
        self._begun: dict[str, tuple[float, int]] = {}

    def __call__(self, task: str, done: int, total: int) -> None:
        """Called by `evaluate()` after every item."""
        now = time.monotonic()
        if now - self._drawn < _REDRAW_SECONDS and done < total:
            return
        self._drawn = now
        if task not in self._known:
            self._begun[task] = (time.monotonic(), done)
            self._known[task] = self._display.add_task(
                task, total=total, completed=done, note=self._note
            )
        start, before = self._begun[task]
        seconds = time.monotonic() - start
        note = self._note
        if done > before and seconds > 0:
            rate = (done - before) / seconds
            told = f"{rate:,.0f}" if rate >= _MANY else f"{rate:.3g}"
            note = f"{note} {told} items/s".strip()
        self._display.update(self._known[task], completed=done, note=note)

    def close(self) -> None:
        """Remove the bars."""
        for bar in self._known.values():
            self._display.remove_task(bar)
