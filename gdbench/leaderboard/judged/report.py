"""What a report says of a run."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Result, Row
from gdbench.leaderboard.judged.reading import Curve
from gdbench.protocol import Item, Matrix
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class Judged:
    """One item: how far the right candidate was ahead."""

    item: Item
    matrix: Matrix
    margin: float
    """Score of the right candidate less the best wrong one, in standard deviations of the task's
    scores within items; below 0 the item is wrong."""
    taken: int
    """Candidate with the highest score: an image of image retrieval, else a text."""
    curve: Curve | None


@dataclass(frozen=True)
class Confusion:
    """A text that was taken for another one."""

    right: str
    taken: str
    times: int


@dataclass(frozen=True)
class TaskReport:
    """One task of the run."""

    result: Result
    n_wrong: int | None
    """None where items have no one right answer, or are not at hand."""
    hardest: tuple[Judged, ...]
    closest: tuple[Judged, ...]
    confusions: tuple[Confusion, ...]

    @property
    def task(self) -> Task:
        """The task."""
        return self.result.task


@dataclass(frozen=True)
class RunReport:
    """The run: for each part of a suite that it answered, its row and its tasks."""

    parts: tuple[tuple[Row, tuple[TaskReport, ...]], ...]
