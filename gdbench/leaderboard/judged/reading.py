"""What is kept of a result's scores once they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.leaderboard.judged.trust import Trust
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import Sample
from gdbench.protocol import Matrix
from gdbench.submissions.logs import Audit


@dataclass(frozen=True)
class Curve:
    """Errors of an item by timestep, less their mean over the candidates."""

    timesteps: tuple[int, ...]
    """The mean of each group of timesteps."""
    values: tuple[tuple[int, ...], ...]
    """Shape (images * texts, groups), in units of `unit`."""
    unit: float


@dataclass(frozen=True)
class ItemScores:
    """A model's scores of an item, as an example page shows them."""

    matrix: Matrix
    curve: Curve | None


@dataclass(frozen=True)
class Reading:
    """What the pages need of a result beside its record."""

    trust: Trust
    samples: Mapping[str, Sample] | None = None
    """Per-item values by metric; None where the scores or the items' labels are not at hand."""
    score: Sample | None = None
    """The primary metrics merged."""
    budget: tuple[tuple[int, Estimate], ...] = ()
    """The task's score for the first k timesteps, (k, score with interval)."""
    error_gap: tuple[tuple[int, Estimate], ...] = ()
    """By timestep: how much larger the errors of wrong candidates are, relative to all."""
    answers: Mapping[str, ItemScores] | None = None
    """By item, of the results that example pages show."""
    audit: Audit | None = None
    """Who ran the model again, on how many items, with what difference."""
