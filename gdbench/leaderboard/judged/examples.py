"""Items with every model's answer."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.judged.reading import Curve
from gdbench.protocol import Item


@dataclass(frozen=True)
class Answer:
    """One model's answer to an item."""

    row: str
    """Name of its row."""
    scores: tuple[float, ...]
    """Of the candidates, as they stand in the flat score matrix."""
    picked: frozenset[int]
    """Which of them are the highest; empty where nothing is chosen."""
    verdict: str
    """In words."""
    right: bool | None
    """None: half right, or nothing to be right about."""
    lead: float | None
    """Score of the right candidate less the best wrong one, in standard deviations of the item's
    scores; None where there is no one right candidate."""
    curve: Curve | None
    """Errors by timestep, where they were logged."""


@dataclass(frozen=True)
class Example:
    """An item with the answers."""

    item: Item
    gold: frozenset[int]
    """Which of the candidates are right."""
    answers: tuple[Answer, ...]

    @property
    def split(self) -> int:
        """How far the models disagree: as many as are in the smaller camp of right and wrong."""
        return min(sum(a.right is side for a in self.answers) for side in (True, False))
