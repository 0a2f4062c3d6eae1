"""Badges: how far a result can be trusted, from the verification of submissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gdbench.submissions.badges import Badge

LOCAL = "local"
PUBLISHED = "published"


@dataclass(frozen=True)
class BadgeInfo:
    """How a badge is shown."""

    label: str
    help: str


BADGES: dict[str, BadgeInfo] = {  # from the weakest to the strongest
    Badge.INVALIDATED: BadgeInfo("invalidated", "Withdrawn, with a public reason."),
    Badge.FAILED: BadgeInfo("failed", "The numbers are not those of the scores."),
    LOCAL: BadgeInfo("local run", "A run of this machine, not a submission."),
    PUBLISHED: BadgeInfo("published", "A number from a paper or a release, not measured here."),
    Badge.REPORTED: BadgeInfo(
        "reported", "Nobody could recompute it: scores or items are missing."
    ),
    Badge.PARTIAL: BadgeInfo("partial", "Recomputed from the scores; items of a task are missing."),
    Badge.RECOMPUTED: BadgeInfo("recomputed", "Every number was made again from the scores."),
    Badge.RESCORED: BadgeInfo("rescored", "The model was run again on a sample of items."),
}
ORDER = {name: order for order, name in enumerate(BADGES)}
UNRANKED = (Badge.INVALIDATED.value, Badge.FAILED.value)


@dataclass(frozen=True)
class Trust:
    """The badge of one result, and why where it was withdrawn."""

    badge: str
    reason: str = ""


def weakest(trusts: Mapping[str, Trust]) -> Trust:
    """The weakest of a row's badges, by task."""
    return min(trusts.values(), key=lambda t: (ORDER.get(t.badge, 0), t.reason))
