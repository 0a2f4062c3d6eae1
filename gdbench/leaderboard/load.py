"""Reading submissions and runs: every record is checked before a page sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gdbench.errors import InputError
from gdbench.records import ResultRecord

MAX_RECORD_BYTES = 2_000_000  # a record is some kilobytes; more is a mistake or an attack


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
    """One record. Raises InputError that names the file and the first wrong field."""
    try:
        size = path.stat().st_size
        if size > MAX_RECORD_BYTES:
            raise InputError(f"{path}: {size} bytes are too many for a record")
        return ResultRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{path}: {where}: {first['msg']}") from error


def load(submissions: Path | None, runs: Sequence[Path] = ()) -> list[Entry]:
    """All records under `submissions/<model>/<revision>/<task>/` and `<run>/<task>/`, sorted.

    Raises InputError where a folder is missing, a record is invalid, or two records answer the
    same question for the same model.
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
        key = identity(entry.record)
        if key in seen:
            raise InputError(f"{entry.file}: the same model and task as {seen[key]}")
        seen[key] = entry.file
    return sorted(entries, key=lambda e: tuple(map(str, identity(e.record))))


def identity(record: ResultRecord) -> tuple[object, ...]:
    """What may occur only once: model, revision, suite, part of the suite, mode, task."""
    task, model = record.task, record.model
    mode = record.settings.compat or task.compat or ""
    return (model.name, model.revision, task.suite, task.limit or 0, mode, task.name)
