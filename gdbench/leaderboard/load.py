"""Reading submissions and runs: every record is checked before a page sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import InputError
from gdbench.records import ResultRecord
from gdbench.submissions.migrate import read_migrated
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import MAX_RECORD_BYTES, parse_object, read_bytes


@dataclass(frozen=True)
class Entry:
    """A record and where it was found."""

    record: ResultRecord
    file: Path
    """The record's own file."""
    place: str
    """Path of its folder below the folder of submissions, with `/`; empty for a local run."""

    @property
    def scores(self) -> Path | None:
        """The score file beside the record, where there is one."""
        path = self.file.with_name("scores.parquet")
        return path if path.is_file() else None


def read_record(path: Path) -> ResultRecord:
    """One record of any version. Raises InputError that names the file and what is wrong.

    Texts are taken as they are: pages escape them, and verification speaks about them.
    """
    try:
        return read_migrated(parse_object(read_bytes(path, MAX_RECORD_BYTES)))
    except Rejected as rejected:
        raise InputError(f"{path}: {rejected.problem}") from rejected


def load(submissions: Path | None, runs: Sequence[Path] = ()) -> list[Entry]:
    """All records under `submissions/<model>/<revision>/<task>/` and `<run>/<task>/`, sorted.

    Raises InputError where a folder is missing, a record is invalid, or two submissions (or two
    runs) answer the same question for the same model.
    """
    entries: list[Entry] = []
    if submissions is not None:
        if not submissions.is_dir():
            raise InputError(f"{submissions}: no such folder; give --submissions")
        for path in sorted(submissions.glob("*/*/*/record.json")):
            place = path.parent.relative_to(submissions).as_posix()
            entries.append(Entry(read_record(path), path, place))
    for run in runs:
        if not run.is_dir():
            raise InputError(f"{run}: no such folder; give a run directory to --runs")
        found = sorted(run.glob("*/record.json"))
        if not found:
            raise InputError(f"{run}: no record (<task>/record.json); is the run finished?")
        entries += [Entry(read_record(path), path, "") for path in found]
    seen: dict[tuple[object, ...], Path] = {}
    for entry in entries:
        key = (not entry.place, *identity(entry.record))
        if key in seen:
            raise InputError(f"{entry.file}: the same model and task as {seen[key]}")
        seen[key] = entry.file
    return sorted(entries, key=lambda e: (*map(str, identity(e.record)), not e.place))


def identity(record: ResultRecord) -> tuple[object, ...]:
    """What may occur only once: model, revision, suite, part of the suite, mode, task."""
    task, model = record.task, record.model
    mode = task.compat or ""
    return (model.name, model.revision, task.suite, task.limit or 0, mode, task.name)
