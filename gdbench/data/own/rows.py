"""What every container is read into: rows of raw values first, then rows with a meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdbench.data.images import Verify
from gdbench.data.problems import Problems
from gdbench.protocol import ImageRef

_KEPT = 1000  # rows of problems of one kind; of a million only the first and their number is told


class OwnProblems(Problems):
    """Problems of which a million may be alike: the first of each kind are kept, all counted."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], dict[str, str]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, file: str, entry: str, problem: str, *, blocking: bool = True) -> None:
        """Note a problem; the same words for the same kind, what differs stands in `entry`."""
        kind = (file, problem)
        n = self._counts[kind] = self._counts.get(kind, 0) + 1
        if n <= _KEPT:
            super().add(file, entry, problem, blocking=blocking)
            self._last[kind] = self.rows[-1]
            return
        self._last[kind]["more"] = str(n - _KEPT)
        self.blocking += blocking


@dataclass(frozen=True, slots=True)
class Raw:
    """One row as it was read."""

    place: str
    """Where it stands in its file, e.g. `line 7`."""
    values: Mapping[str, Any]
    image: ImageRef | None = None
    """Of a container that holds the pictures themselves."""
    name: str = ""
    """The picture's name in such a container."""
    split: str = ""


@dataclass
class Raws:
    """What a container holds."""

    layout: str
    file: str
    """The file that problems of rows are of."""
    columns: tuple[str, ...]
    """Names as they stand there."""
    rows: list[Raw]
    picture_column: str | None = None
    """The column whose values are in `Raw.image` already."""
    classes: tuple[str, ...] = ()
    """Names of the classes in their order, where labels are numbers."""
    prompt: str | None = None
    """A template that comes with the data."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with a meaning; what a column does not have is empty."""

    place: str
    name: str
    """The picture's path below the folder, or its name in the container."""
    image: ImageRef
    caption: str = ""
    negatives: tuple[str, ...] = ()
    label: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    subtask: str = ""


@dataclass
class Reader:
    """What readers have in common: where, what is looked at, and where problems go."""

    root: Path
    problems: Problems
    verify: Verify = "none"
    encoding: str | None = None
    looked: Callable[[], None] | None = None
    used: set[str] = field(default_factory=set)
    """Paths of pictures that a row names."""
