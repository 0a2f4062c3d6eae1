"""`gdbench verify`: believe nothing, recompute everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gdbench.errors import InputError
from gdbench.records import ResultRecord
from gdbench.submissions import checks
from gdbench.submissions.badges import Badge, Logs, badge
from gdbench.submissions.finished import UNAVAILABLE, Finished, read_finished, read_record
from gdbench.submissions.layout import RECORD, SCORES, Place, level_of, run_places, walk
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.problems import Problem, Rejected

NOT_AT_HAND = (UNAVAILABLE, "missing")
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
            found.append(_verify_place(place, source or ManifestSource(), logs))
    if not found and not problems:
        problems.append(Problem(".", "layout", f"there is no submission (no {RECORD}) here"))
    problems += _across(found)
    for verified in found:
        if verified.badge is not Badge.INVALIDATED:
            problems += verified.problems
    return Report(tuple(found), tuple(problems))


def _verify_place(place: Place, source: ManifestSource, logs: Logs) -> Verified:
    try:
        record, fault = read_record(place.folder / RECORD)
    except Rejected as rejected:
        problem = Problem(f"{place.path}/{RECORD}", rejected.check, rejected.problem)
        withdrawn = logs.invalidation(place.path)
        return Verified(
            place,
            None,
            (problem,),
            recomputed=False,
            badge=Badge.FAILED if withdrawn is None else Badge.INVALIDATED,
            reason=withdrawn.reason if withdrawn else "",
        )
    finished = read_finished(place.folder, record, source)
    if fault is not None:
        finished = replace(finished, faults=(fault, *finished.faults))
    return verify_finished(place, finished, logs)


def verify_finished(place: Place, finished: Finished, logs: Logs) -> Verified:
    """Verify what was read of one submission. The answer keeps nothing of the scores."""
    record, manifest, file = finished.record, finished.manifest, finished.file
    problems = _problems(place, checks.place_of(place, record))
    problems += [Problem(f"{place.path}/{f.file}", f.check, f.text) for f in finished.faults]
    recomputed = manifest is not None and file is not None
    if manifest is not None and file is not None:
        subject = checks.Subject(record, finished.task, manifest, file, finished.digest)
        for check in checks.ALL:
            problems += _problems(place, check(subject))
    withdrawn = logs.invalidation(place.path)
    return Verified(
        place,
        record,
        tuple(problems),
        recomputed=recomputed,
        badge=badge(
            invalidated=withdrawn is not None,
            failed=any(p.check not in NOT_AT_HAND for p in problems),
            recomputed=recomputed,
            partial=record.partial,
            rescored=logs.rescoring(place.path, record.scores_sha256) is not None,
        ),
        reason=withdrawn.reason if withdrawn else "",
    )


def _problems(place: Place, findings: Iterable[checks.Finding]) -> list[Problem]:
    of_scores = ("ids", "finite", "scores")
    return [
        Problem(f"{place.path}/{SCORES if check in of_scores else RECORD}", check, text)
        for check, text in findings
    ]


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
