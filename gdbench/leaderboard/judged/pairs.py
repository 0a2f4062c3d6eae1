"""Two models against each other: differences, and the items on which they disagree."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.metrics.paired import PairedDifference
from gdbench.metrics.proportions import IndependentDifference

Difference = PairedDifference | IndependentDifference
"""Paired where per-item values are at hand, else from the two intervals."""
TOTAL = "gdbench"
"""Name of the difference in the GDBench score."""


@dataclass(frozen=True)
class Disagreements:
    """Items of a task on which one model has a higher credit than the other."""

    task: str
    first_better: tuple[str, ...]
    """The first of them, by their ids."""
    n_first: int
    second_better: tuple[str, ...]
    n_second: int


@dataclass(frozen=True)
class Pair:
    """Two rows of a pool, by their names."""

    first: str
    second: str
    total: Difference | None
    """Of the GDBench score."""
    tasks: tuple[Difference, ...]
    """Of each common task, p-values adjusted over all of them (Holm)."""
    items: tuple[Disagreements, ...]
