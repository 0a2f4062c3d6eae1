"""Bars with the time left, on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def bars(*, disable: bool = False) -> Progress:
    """A display of bars; a task's field `note` stands behind its bar."""
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=disable,
    )


class EvaluationBars:
    """Shows the tasks of one `evaluate()` in a display, and takes them away at the end."""

    def __init__(self, display: Progress, note: str = "") -> None:
        self._display, self._note = display, note
        self._known: dict[str, TaskID] = {}

    def __call__(self, task: str, done: int, total: int) -> None:
        """Called by `evaluate()` after every item."""
        if task not in self._known:
            self._known[task] = self._display.add_task(
                task, total=total, completed=done, note=self._note
            )
        self._display.update(self._known[task], completed=done)

    def close(self) -> None:
        """Remove the bars."""
        for bar in self._known.values():
            self._display.remove_task(bar)
