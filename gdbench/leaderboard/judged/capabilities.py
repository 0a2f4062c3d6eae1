"""What models can do, as numbers: a value for each model and capability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.metrics.estimate import Estimate

Key = tuple[str, str]
"""Task and metric."""


@dataclass(frozen=True)
class Capability:
    """One column of the view."""

    name: str
    about: str
    feeds: tuple[Key, ...]


@dataclass(frozen=True)
class Value:
    """A model on a capability: 0 at chance, 1 where everything is right."""

    estimate: Estimate
    n: int
    """Sub-tasks that feed it here, of those that any model of the table has."""
    of: int


@dataclass(frozen=True)
class CapabilityTable:
    """The capabilities that any model has numbers of."""

    columns: tuple[Capability, ...]
    """With the sub-tasks that feed them here."""
    values: Mapping[str, tuple[Value | None, ...]]
    """By the model's name, best first; a value for each column."""
    more: int
    """Models that are left out."""
