"""Levels of evidence: what is known of a result, from the weakest to the strongest.

A level is computed, never typed: a record has no field for one. What each of them does and does
not prove is told in `docs/threat-model.md`.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """From the weakest to the strongest; only the last two are ranked."""

    INVALIDATED = "invalidated"  # withdrawn, with a public reason
    FAILED = "failed"  # the numbers are not those of the scores, or the scores are another's
    REPORTED = "reported"  # somebody's printed number: there are no scores
    UNAVAILABLE = "unavailable"  # there are scores, but the task's items are not at hand
    PARTIAL = "partial"  # consistent, but items of the task are missing
    CONSISTENT = "consistent"  # every number follows from the submitted scores
    AUDITED = "audited"  # a random part was run again by others, and every answer was the same
    REPRODUCED = "reproduced"  # the whole task was run again by others, and was the same

    @property
    def ranked(self) -> bool:
        """Whether somebody else than the submitter has run the model."""
        return self in (Level.AUDITED, Level.REPRODUCED)

    @property
    def usable(self) -> bool:
        """Whether the numbers follow from scores that are here."""
        return self.ranked or self in (Level.PARTIAL, Level.CONSISTENT)


def level(  # noqa: PLR0911 # one line for each level
    *,
    withdrawn: bool,
    failed: bool,
    has_scores: bool,
    has_items: bool,
    partial: bool,
    again: int = 0,
    n_items: int = 0,
) -> Level:
    """The one level of a result.

    Args:
        withdrawn: the public log invalidates it.
        failed: a check found something wrong.
        has_scores: its scores were read.
        has_items: the task's items are at hand.
        partial: items of the task are missing.
        again: items that others have run again, with the same answers.
        n_items: items that were scored.
    """
    if withdrawn:
        return Level.INVALIDATED
    if failed:
        return Level.FAILED
    if not has_scores:
        return Level.REPORTED
    if not has_items:
        return Level.UNAVAILABLE
    if partial:
        return Level.PARTIAL
    if not again:
        return Level.CONSISTENT
    return Level.REPRODUCED if again >= n_items else Level.AUDITED
