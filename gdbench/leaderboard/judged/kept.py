"""What is kept of a judged suite from one build to the next: plain values of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Place, TaskStanding
from gdbench.leaderboard.judged.examples import Answer
from gdbench.leaderboard.judged.pairs import Pair
from gdbench.metrics.estimate import Estimate

Points = tuple[tuple[int, Estimate], ...]
"""A value with its interval by timestep."""


@dataclass(frozen=True)
class KeptResult:
    """What was found in the scores of one result."""

    level: str
    """Of evidence; empty for a local run."""
    reason: str
    budget: Points
    error_gap: Points


@dataclass(frozen=True)
class KeptSuite:
    """The results of a suite, by the digest of each, after they were compared with each other."""

    results: Mapping[str, KeptResult]


@dataclass(frozen=True)
class PoolNumbers:
    """What the scores behind a pool's rows say; rows by their names."""

    scores: Mapping[str, Estimate]
    """With the interval of the joint sample of all tasks, where there is one."""
    places: Mapping[str, Place]
    tested: bool
    compared: tuple[Pair, ...]
    neighbours: int | None
    tasks: Mapping[str, TaskStanding]


@dataclass(frozen=True)
class KeptExamples:
    """The answers to each item, by task and item, and the rows that answered, by task."""

    models: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, Mapping[str, tuple[Answer, ...]]]
