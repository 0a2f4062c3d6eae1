"""Finding the records of submissions and runs: each is checked before a page sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import InputError
from gdbench.records import ResultRecord
from gdbench.submissions.finished import open_record
from gdbench.submissions.layout import RECORD, SCORES, Place, identity, run_places, walk
from gdbench.submissions.problems import Problem


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
        path = self.file.with_name(SCORES)
        return path if path.is_file() else None


def load(submissions: Path | None, runs: Sequence[Path] = ()) -> list[Entry]:
    """All records under `submissions/<model>/<revision>/<task>/` and `<run>/<task>/`, sorted.

    Raises InputError where a folder is missing or holds what does not belong there, a record is
    invalid, or two submissions (or two runs) answer the same question for the same model.
    """
    entries: list[Entry] = []
    if submissions is not None:
        if not submissions.is_dir():
            raise InputError(f"{submissions}: no such folder; give --submissions")
        for place in _places(submissions, walk(submissions)):
            path = place.folder / RECORD
            entries.append(Entry(open_record(path), path, place.path))
    for run in runs:
        if not run.is_dir():
            raise InputError(f"{run}: no such folder; give a run directory to --runs")
        found = list(_places(run, run_places(run)))
        if not found:
            raise InputError(
                f"{run}: no finished task (<task>/{RECORD}); give a run that has ended"
            )
        paths = [place.folder / RECORD for place in found]
        entries += [Entry(open_record(path), path, "") for path in paths]
    seen: dict[tuple[object, ...], Path] = {}
    for entry in entries:
        key = (not entry.place, *identity(entry.record))
        if key in seen:
            raise InputError(f"{entry.file}: the same model and task as {seen[key]}")
        seen[key] = entry.file
    return sorted(entries, key=lambda e: (*map(str, identity(e.record)), not e.place))


def _places(root: Path, found: Iterable[Place | Problem]) -> Iterator[Place]:
    for place in found:
        if isinstance(place, Problem):
            raise InputError(f"{root / place.path}: {place.problem}")
        yield place
