"""`gdbench verify`: believe nothing, recompute everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gdbench.errors import GdbenchError, InputError
from gdbench.records import ResultRecord
from gdbench.submissions import checks
from gdbench.submissions.badges import Badge, Logs, badge
from gdbench.submissions.layout import RECORD, SCORES, Place, level_of, run_places, walk
from gdbench.submissions.manifest import Manifest, ManifestSource
from gdbench.submissions.migrate import read_migrated
from gdbench.submissions.problems import Problem, Rejected, shown
from gdbench.submissions.scores import read_scores
from gdbench.submissions.untrusted import MAX_RECORD_BYTES, check_texts, parse_object, read_bytes
from gdbench.tasks import TASKS, Task

NOT_AT_HAND = ("unavailable", "missing")
"""Checks that fail because something is not here, not because something is wrong."""


@dataclass(frozen=True)
class Verified:
    """What is known of one submission after verification."""

    place: Place
    record: ResultRecord | None
    problems: tuple[Problem, ...]
    recomputed: bool
    """Whether the numbers were made again: the scores and the task's items were at hand."""
    badge: Badge
    reason: str = ""
    """Of an invalidation."""
    subject: checks.Subject | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Report:
    """The answer of `gdbench verify`."""

    submissions: tuple[Verified, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "ok": self.ok,
            "problems": [p.as_dict() for p in self.problems],
            "submissions": [
                {
                    "path": v.place.path,
                    "badge": v.badge.value,
                    "reason": v.reason,
                    "n_items": v.record.task.n_items if v.record else None,
                    "score": v.record.score if v.record else None,
                }
                for v in self.submissions
            ],
        }


def read_record(path: Path) -> ResultRecord:
    """A stranger's record of any known version. Raises `Rejected`."""
    raw = parse_object(read_bytes(path, MAX_RECORD_BYTES))
    check_texts(raw)
    return read_migrated(raw)


def submissions_root(folder: Path) -> Path:
    """The folder of submissions that a model, revision or task folder belongs to."""
    found = folder.absolute()
    for _ in range(level_of(folder)):
        found = found.parent
    return found


def verify(folder: Path, source: ManifestSource | None = None) -> Report:
    """Verify all submissions below a folder: submissions, a model, a revision, or one task.

    A run directory is verified as well, with its per-timestep errors; its name says nothing.

    `source` says where the items of suites other than mini are. Raises InputError where there is
    no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of submissions")
    run = run_places(folder)
    logs = Logs() if run else Logs.read(submissions_root(folder))
    found: list[Verified] = []
    problems: list[Problem] = list(logs.problems)
    for place in run or walk(folder):
        if isinstance(place, Problem):
            problems.append(place)
        else:
            found.append(_verify_one(place, source or ManifestSource(), logs))
    if not found and not problems:
        problems.append(Problem(".", "layout", f"there is no submission (no {RECORD}) here"))
    problems += _across(found)
    for verified in found:
        if verified.badge is not Badge.INVALIDATED:
            problems += verified.problems
    return Report(tuple(found), tuple(problems))


def _verify_one(place: Place, source: ManifestSource, logs: Logs) -> Verified:
    problems: list[Problem] = []
    record: ResultRecord | None = None
    subject: checks.Subject | None = None
    file = RECORD
    try:
        record = read_record(place.folder / RECORD)
        problems += _problems(place, checks.place_of(place, record))
        task, manifest = _items(record, source)
        file = SCORES
        scores = read_scores(place.folder / SCORES, manifest.labels)
        subject = checks.Subject(place, record, task, manifest, scores)
    except Rejected as rejected:
        problems.append(Problem(f"{place.path}/{file}", rejected.check, rejected.problem))
    if subject is not None:
        for check in checks.ALL:
            problems += _problems(place, check(subject))
    withdrawn = logs.invalidation(place.path)
    rescored = record is not None and logs.rescoring(place.path, record.scores_sha256) is not None
    return Verified(
        place,
        record,
        tuple(problems),
        recomputed=subject is not None,
        badge=badge(
            invalidated=withdrawn is not None,
            failed=record is None or any(p.check not in NOT_AT_HAND for p in problems),
            recomputed=subject is not None,
            partial=record is not None and record.partial,
            rescored=rescored,
        ),
        reason=withdrawn.reason if withdrawn else "",
        subject=subject,
    )


def _problems(place: Place, findings: Iterable[checks.Finding]) -> list[Problem]:
    of_scores = ("ids", "finite", "scores")
    return [
        Problem(f"{place.path}/{SCORES if check in of_scores else RECORD}", check, text)
        for check, text in findings
    ]


def _items(record: ResultRecord, source: ManifestSource) -> tuple[Task, Manifest]:
    """The task and its items. Raises `Rejected` where there are none or they are not at hand."""
    info = record.task
    if info.name not in TASKS:
        raise Rejected("manifest", f"there is no task {shown(info.name)}")
    task = TASKS.get(info.name)
    if info.suite not in task.sources:
        raise Rejected("manifest", f"task {info.name} has no suite {shown(info.suite)}")
    try:
        return task, source.get(task, info.suite, info.compat)
    except GdbenchError as error:
        raise Rejected(
            "unavailable",
            f"the items of {info.name} ({info.suite}) are not at hand, nothing can be recomputed; "
            f"give --root or --manifests ({error})",
        ) from error


def _across(found: Sequence[Verified]) -> Iterator[Problem]:
    """What only shows when submissions are seen together."""
    by_revision: dict[tuple[str, str], list[Verified]] = defaultdict(list)
    by_scores: dict[tuple[str, str], list[Verified]] = defaultdict(list)
    for v in found:
        if v.record is not None and v.badge is not Badge.INVALIDATED:
            by_revision[v.place.model, v.place.revision].append(v)
            if v.record.model.family != "control":
                by_scores[v.record.task.name, v.record.scores_sha256].append(v)
    for group in by_revision.values():
        yield from _one_model(group)
    for copies in by_scores.values():
        for v in copies[1:]:
            yield Problem(
                v.place.path, "duplicate", f"has the very scores of {copies[0].place.path}"
            )


def _one_model(group: Iterable[Verified]) -> Iterator[Problem]:
    first: Verified | None = None
    for v in group:
        if first is None or first.record is None or v.record is None:
            first = v
        elif v.record.model != first.record.model:
            yield Problem(
                v.place.path,
                "duplicate",
                f"is another model than {first.place.path}: the card differs",
            )
