"""Badges: how far a result can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.board import Row


@dataclass(frozen=True)
class Badge:
    """How a badge is shown."""

    label: str
    help: str
    order: int


BADGES: dict[str, Badge] = {
    "complete": Badge("complete", "All tasks, all items, score files present", 0),
    "partial": Badge("partial", "Items or tasks are missing", 1),
    "unscored": Badge("no scores", "The record came without its score file", 2),
    "local": Badge("local run", "A run of this machine, not a submission", 3),
}


def badge_of(row: Row) -> str:
    """The badge of a row."""
    entries = [r.entry for r in row.results.values()]
    if any(not e.place for e in entries):
        return "local"
    if row.partial or row.score is None:
        return "partial"
    return "complete" if all(e.scores for e in entries) else "unscored"
