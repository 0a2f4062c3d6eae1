"""Records made again from their scores, where newer metrics give other numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gdbench.metrics.summary import task_score
from gdbench.records import MetricValue, ResultRecord
from gdbench.store.files import SEAL, seal, write_atomically
from gdbench.submissions import checks
from gdbench.submissions.finished import read_finished
from gdbench.submissions.layout import RECORD, Place
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.verify import verify

_DERIVED = frozenset({"metric", "score"})


@dataclass(frozen=True)
class Refreshed:
    """One record that changed, or why it was left as it is."""

    path: str
    before: ResultRecord
    after: ResultRecord
    refused: str = ""

    def changes(self) -> list[str]:
        """A phrase for each metric whose value or interval moved, or that lost its noise error."""
        old = {m.name: m for m in self.before.metrics}
        phrases = []
        for new in self.after.metrics:
            was = old.get(new.name)
            if was is not None and _ends(was) != _ends(new):
                phrases.append(f"{new.name} {_ends(was)} -> {_ends(new)}")
            if was is not None and was.noise_se is not None and new.noise_se is None:
                phrases.append(f"{new.name} without noise error, which needs per-timestep errors")
        return phrases


def _ends(metric: MetricValue) -> str:
    if metric.low is None or metric.high is None:
        return f"{metric.value:.3f}"
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"


def refreshed(subject: checks.Subject) -> ResultRecord:
    """The record with the metrics and the score that its scores give; all else stays.

    Monte-Carlo errors need the per-timestep errors. Where these are not in the score file, errors
    that an older method made are dropped: a number that nobody can check is not kept.
    """
    metrics = checks.recomputed(subject)
    interval = checks.recomputed_interval(subject)
    return subject.record.model_copy(
        update={
            "metrics": metrics,
            "score": task_score(subject.task.primary, metrics),
            "score_low": interval.low if interval else None,
            "score_high": interval.high if interval else None,
        }
    )


def refresh(
    folder: Path, source: ManifestSource | None = None, *, write: bool = True
) -> list[Refreshed]:
    """Refresh the records below a folder (submissions, a revision, a run); the changed ones.

    Score files are never touched. A record is refused where more than derived numbers is wrong.
    Raises InputError where there is no such folder.
    """
    results = []
    for verified in verify(folder, source).submissions:
        before, place = verified.record, verified.place
        if before is None:
            continue
        wrong = [p for p in verified.problems if p.check not in _DERIVED]
        subject = None if wrong else _subject(place, before, source)
        if subject is None:
            reason = str(wrong[0]) if wrong else "its items are not at hand"
            results.append(Refreshed(place.path, before, before, reason))
            continue
        after = refreshed(subject)
        if after == before:
            continue
        results.append(Refreshed(place.path, before, after))
        if write:
            _write(place.folder / RECORD, after)
    return results


def _write(path: Path, record: ResultRecord) -> None:
    """Write a record, and before it the checksum beside it where there is one (in runs)."""
    data = record.model_dump_json(indent=2).encode() + b"\n"
    beside = path.with_suffix(SEAL)
    if beside.exists():
        write_atomically(beside, seal(path, data))
    write_atomically(path, data)


def _subject(
    place: Place, record: ResultRecord, source: ManifestSource | None
) -> checks.Subject | None:
    finished = read_finished(place.folder, record, source or ManifestSource())
    if finished.manifest is None or finished.file is None:
        return None
    return checks.Subject(record, finished.task, finished.manifest, finished.file, finished.digest)
