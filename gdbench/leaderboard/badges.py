"""Badges: how far a result can be trusted, from the verification of submissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.leaderboard.load import Entry
from gdbench.submissions.badges import Badge, Logs
from gdbench.submissions.verify import verify

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


def judge(submissions: Path | None, entries: Sequence[Entry]) -> dict[Path, Trust]:
    """The badge of every entry, by its file.

    Entries with scores are verified; without scores there is nothing to recompute.
    """
    found = {e.file: Trust(LOCAL if not e.place else Badge.REPORTED.value) for e in entries}
    if submissions is None:
        return found
    if any(e.scores for e in entries if e.place):
        by_place = {e.place: e.file for e in entries if e.place}
        for v in verify(submissions).submissions:
            if v.place.path in by_place:
                found[by_place[v.place.path]] = Trust(v.badge.value, v.reason)
        # A record without its scores fails verification; for a reader it is merely reported.
        for e in entries:
            if e.place and e.scores is None and found[e.file].badge == Badge.FAILED:
                found[e.file] = Trust(Badge.REPORTED.value)
        return found
    logs = Logs.read(submissions)
    for e in entries:
        withdrawn = logs.invalidation(e.place) if e.place else None
        if withdrawn is not None:
            found[e.file] = Trust(Badge.INVALIDATED.value, withdrawn.reason)
    return found


def weakest(trusts: Mapping[str, Trust]) -> Trust:
    """The weakest of a row's badges, by task."""
    return min(trusts.values(), key=lambda t: (ORDER.get(t.badge, 0), t.reason))
