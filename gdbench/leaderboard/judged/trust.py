"""How the levels of evidence are shown, and those of what is no submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.submissions.levels import Level

LOCAL = "local"
PUBLISHED = "published"


@dataclass(frozen=True)
class BadgeInfo:
    """How a level is shown."""

    label: str
    help: str


BADGES: dict[str, BadgeInfo] = {  # from the weakest to the strongest
    Level.INVALIDATED: BadgeInfo("invalidated", "Withdrawn, with a public reason."),
    Level.FAILED: BadgeInfo(
        "failed", "The numbers are not those of the scores, or the scores are another model's."
    ),
    PUBLISHED: BadgeInfo("published", "A number from a paper or a release, not measured here."),
    Level.REPORTED: BadgeInfo("reported", "Somebody's number: there are no scores behind it."),
    Level.UNAVAILABLE: BadgeInfo(
        "unavailable", "There are scores, but the task's items are not at hand to check them."
    ),
    Level.PARTIAL: BadgeInfo("partial", "Consistent, but items of a task are missing."),
    LOCAL: BadgeInfo("local run", "A run of this machine, not a submission."),
    Level.CONSISTENT: BadgeInfo(
        "consistent", "Every number follows from the submitted scores; nobody ran the model again."
    ),
    Level.AUDITED: BadgeInfo(
        "audited", "Others ran a random part again, drawn afterwards, with the same answers."
    ),
    Level.REPRODUCED: BadgeInfo(
        "reproduced", "Others ran every item again, with the same answers."
    ),
}
ORDER = {name: order for order, name in enumerate(BADGES)}
RANKED = tuple(level.value for level in Level if level.ranked)
COMPARED = (*(level.value for level in Level if level.usable), LOCAL)
"""Results whose numbers follow from their scores."""


@dataclass(frozen=True)
class Trust:
    """The level of one result, and why where it was withdrawn or failed."""

    badge: str
    reason: str = ""


def weakest(trusts: Mapping[str, Trust]) -> Trust:
    """The weakest of a row's levels, by task."""
    return min(trusts.values(), key=lambda t: (ORDER.get(t.badge, 0), t.reason))
