"""The one reader of finished tasks, whether they stand in a run or in a folder of submissions.

Whoever wrote the files, they are read as a stranger's: size first, then shape and texts, then the
record of any known version, then the scores, and whether these are the record's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import GdbenchError, InputError
from gdbench.protocol import Label, Scores
from gdbench.readable import shown
from gdbench.records import ResultRecord
from gdbench.store import hash_scores
from gdbench.store.files import seal_fault
from gdbench.submissions.layout import LINK, RECORD, RUN, SCORES, refuse_shard, task_folders
from gdbench.submissions.manifest import Manifest, ManifestSource
from gdbench.submissions.migrate import read_migrated
from gdbench.submissions.problems import Rejected
from gdbench.submissions.scores import ScoreFile, read_scores
from gdbench.submissions.untrusted import (
    MAX_LOG_BYTES,
    MAX_RECORD_BYTES,
    MAX_SCORES_BYTES,
    check_texts,
    parse_object,
    read_bytes,
)
from gdbench.tasks import TASKS, task_with_measures
from gdbench.tasks.base import Task
from gdbench.tasks.definition import ForeignMeasure, task_of
from gdbench.tasks.manifest import ITEMS

UNAVAILABLE = "unavailable"
"""The fault of a task whose items are not here: nothing is wrong with its files."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of a finished task."""

    file: str
    """`record.json` or `scores.parquet`."""
    check: str
    """As in `Problem.check`."""
    text: str


@dataclass(frozen=True)
class Finished:
    """A finished task as its files tell it."""

    folder: Path
    record: ResultRecord
    manifest: Manifest | None
    """The task's items; None where they are not at hand or were not asked for."""
    file: ScoreFile | None
    """The checked scores, in the order of the items where these are known; None where there are
    none that can be used."""
    digest: str
    """sha256 of the scores (`gdbench.store.hash_scores`), empty without any."""
    faults: tuple[Fault, ...]

    @property
    def task(self) -> Task:
        """The task of the record, able to make its metrics again.

        Raises UnknownNameError where neither gdbench nor the record has it.
        """
        return task_with_measures(self.record)

    @property
    def scores(self) -> tuple[Scores, ...]:
        """The items' scores in the order of `file`; empty without it."""
        return () if self.file is None else self.file.scores

    @property
    def labels(self) -> list[Label]:
        """The label of each of the scores. Raises InputError where the items are not at hand."""
        if self.manifest is None:
            raise self.refusal([f for f in self.faults if f.check == UNAVAILABLE])
        return [self.manifest.labels[s.item_id] for s in self.scores]

    def refusal(self, faults: list[Fault]) -> InputError:
        """The first of the faults as one line that names the file."""
        first = faults[0] if faults else Fault(RECORD, UNAVAILABLE, "the items were not read")
        return InputError(f"{self.folder / first.file}: {first.text}")


def read_record(path: Path) -> tuple[ResultRecord, Fault | None]:
    """A record of any known version, and whether it is other than it was written.

    Raises `Rejected`.
    """
    data = read_bytes(path, MAX_RECORD_BYTES)
    raw = parse_object(data)
    check_texts(raw)
    fault = seal_fault(path, data)
    return read_migrated(raw), None if fault is None else Fault(RECORD, "checksum", fault)


def open_record(path: Path) -> ResultRecord:
    """A record of any known version. Raises InputError with one line that names the file."""
    try:
        record, fault = read_record(path)
    except Rejected as rejected:
        raise InputError(f"{path}: {rejected.problem}") from rejected
    if fault is not None:
        raise InputError(f"{path} {fault.text}; `gdbench evaluate` makes it again")
    return record


def read_finished(folder: Path, record: ResultRecord, source: ManifestSource | None) -> Finished:
    """The rest of a finished task whose record was read; what is wrong is among its `faults`.

    Without a source the items are not looked for, and the shapes of the scores are taken from the
    scores themselves.
    """
    faults: list[Fault] = []
    manifest: Manifest | None = None
    file: ScoreFile | None = None
    digest = ""
    try:
        manifest = None if source is None else _manifest(folder, record, source)
    except Rejected as rejected:
        faults.append(Fault(RECORD, rejected.check, rejected.problem))
    # A run's log has the per-timestep errors of every pair, which no submission of its size has.
    most = MAX_LOG_BYTES if (folder.parent / RUN).is_file() else MAX_SCORES_BYTES
    try:
        file = read_scores(
            folder / SCORES, None if manifest is None else manifest.labels, most_bytes=most
        )
    except Rejected as rejected:
        faults.append(Fault(SCORES, rejected.check, rejected.problem))
    else:
        digest = hash_scores(file.scores)
        if digest != record.scores_sha256:
            text = (
                f"these are not the scores of {RECORD}: their hash is {digest[:12]}…, "
                f"scores_sha256 is {record.scores_sha256[:12]}…"
            )
            faults.append(Fault(SCORES, "hash", text))
    return Finished(folder, record, manifest, file, digest, tuple(faults))


def open_finished(folder: Path, source: ManifestSource | None = None) -> Finished:
    """A finished task without faults; that its items are not at hand only shows in `labels`.

    Raises InputError with one line that names the file and what is wrong with it.
    """
    if folder.is_symlink():
        raise InputError(f"{folder}: {LINK}")
    finished = read_finished(folder, open_record(folder / RECORD), source)
    faults = [f for f in finished.faults if f.check != UNAVAILABLE]
    if faults:
        raise finished.refusal(faults)
    return finished


def open_run(folder: Path, source: ManifestSource | None = None) -> Iterator[Finished]:
    """The finished tasks of a run directory, or of a revision's folder of submissions, one by one.

    Raises InputError where there are none, and as `open_finished`.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the --out of `gdbench evaluate`")
    refuse_shard(folder)
    found = task_folders(folder)
    if not found:
        raise InputError(
            f"{folder}: no finished task (<task>/{RECORD}); give a run that has ended, or "
            "submissions/<model>/<revision>"
        )
    for place in found:
        yield open_finished(place, source)


def _manifest(folder: Path, record: ResultRecord, source: ManifestSource) -> Manifest:
    """The items of a record's task. Raises `Rejected` where there are none, or none at hand."""
    info = record.task
    if info.name not in TASKS:
        return _own_manifest(folder, record)
    task = TASKS.get(info.name)
    if info.suite not in task.sources:
        raise Rejected("manifest", f"task {info.name} has no suite {shown(info.suite)}")
    try:
        return source.get(task, info.suite, info.compat)
    except GdbenchError as error:
        raise Rejected(
            UNAVAILABLE,
            f"the items of {info.name} ({info.suite}) are not at hand, nothing can be recomputed; "
            f"give --root or --manifests ({error})",
        ) from error


def _own_manifest(folder: Path, record: ResultRecord) -> Manifest:
    """The items of a task that is known to its run alone; a submission has none."""
    info = record.task
    if record.definition is None:
        raise Rejected("manifest", f"there is no task {shown(info.name)}")
    if not (folder.parent / RUN).is_file():
        raise Rejected(
            "manifest", f"{shown(info.name)} is a task of one's own, which is not ranked"
        )
    strange = [m for m in task_of(record.definition, info).measures if type(m) is ForeignMeasure]
    if strange:
        measure = strange[0]
        text = f"measure {measure.name} is a {measure.kind}, whose code is not here"
        raise Rejected(UNAVAILABLE, text)
    try:
        manifest = Manifest.load(folder / ITEMS, MAX_SCORES_BYTES)
    except InputError as error:
        raise Rejected("manifest", f"its items cannot be read: {error}") from error
    if manifest.sha256(manifest.labels) != info.manifest_sha256:
        raise Rejected("manifest", f"{ITEMS} is not of this record: it has other items")
    return manifest
