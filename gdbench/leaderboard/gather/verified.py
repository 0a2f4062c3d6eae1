"""Every record with its scores, verified by the one reader, one at a time.

A score file is opened once and let go before the next one: whoever wants something of the scores
takes it while they are here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gdbench.leaderboard.gather.entries import Entry
from gdbench.submissions.finished import UNAVAILABLE, Finished, read_finished
from gdbench.submissions.layout import SCORES, Place
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.neighbours import Verified
from gdbench.submissions.verify import verify_finished

# Items that are not here, or a task that only another gdbench knows: such results are shown as
# their records tell them.
_NO_DAMAGE = (UNAVAILABLE, "manifest")


@dataclass(frozen=True)
class Checked:
    """A record, and what its scores say of it."""

    entry: Entry
    verified: Verified | None
    """What verification found by itself; None for a local run."""
    finished: Finished | None
    """Its scores and their labels; None where there are none to be used."""


def verified(
    entries: Sequence[Entry], logs: Logs, source: ManifestSource | None = None
) -> Iterator[Checked]:
    """The entries, each with its scores.

    Args:
        entries: the records.
        logs: the public logs of the folder of submissions.
        source: where the items of suites other than mini are.

    Raises:
        InputError: a score file is damaged or not the record's, or a local run has none.
    """
    for entry in entries:
        yield _checked(entry, logs, source or ManifestSource())


def _checked(entry: Entry, logs: Logs, source: ManifestSource) -> Checked:
    place = Place(entry.file.parent, *entry.place.split("/")) if entry.place else None
    withdrawn = logs.invalidation(entry.place) if entry.place else None
    if place is not None and not os.path.lexists(entry.file.with_name(SCORES)):
        level = Level.REPORTED if withdrawn is None else Level.INVALIDATED
        reason = withdrawn.reason if withdrawn else ""
        return Checked(entry, Verified(place, entry.record, (), level, reason), None)
    finished = read_finished(entry.file.parent, entry.record, source)
    damage = [f for f in finished.faults if f.check not in _NO_DAMAGE]
    if damage and withdrawn is None:
        raise finished.refusal(damage)
    known = None if place is None else verify_finished(place, finished, logs)
    whole = len(finished.scores) == entry.record.task.n_items
    usable = not damage and finished.manifest is not None and whole
    return Checked(entry, known, finished if usable else None)
