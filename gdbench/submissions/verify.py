"""`gdbench verify`: believe nothing, recompute everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gdbench.errors import InputError
from gdbench.submissions import checks
from gdbench.submissions.copies import fingerprint
from gdbench.submissions.finished import UNAVAILABLE, Finished, read_finished, read_record
from gdbench.submissions.layout import RECORD, SCORES, Place, level_of, run_places, walk
from gdbench.submissions.levels import Level, level
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.neighbours import Verified, together
from gdbench.submissions.problems import Problem, Rejected
from gdbench.submissions.touched import Touched, touched

NOT_AT_HAND = (UNAVAILABLE, "missing")
"""Checks that fail because something is not here, not because something is wrong."""


@dataclass(frozen=True)
class Report:
    """The answer of `gdbench verify`."""

    submissions: tuple[Verified, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    """What a reader should know and nobody is at fault for."""
    touched: tuple[Touched, ...] = ()
    """What differs from the tree that it was judged against."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "ok": self.ok,
            "problems": [p.as_dict() for p in self.problems],
            "notes": [p.as_dict() for p in self.notes],
            "touched": [asdict(t) for t in self.touched],
            "submissions": [
                {
                    "path": v.place.path,
                    "badge": v.level.value,
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


def verify(
    folder: Path,
    source: ManifestSource | None = None,
    *,
    log: Path | None = None,
    against: Path | None = None,
) -> Report:
    """Verify all submissions below a folder: submissions, a model, a revision, or one task.

    A run directory is verified as well, with its per-timestep errors; its name says nothing.

    Args:
        folder: what is judged; with `log` or `against` no run, and with `against` a whole tree,
            whatever a stranger's files make it look like.
        source: where the items of suites other than mini are.
        log: the folder whose public logs count; None: the folder of submissions itself. Whoever
            judges a stranger's folder gives another one, such as that of the target branch.
        against: the tree that is there already: nothing of it may be deleted, replaced or emptied,
            its logs count unless `log` is given, and of a copy its result is the original.

    Raises:
        InputError: there is no such folder.
    """
    changes = () if against is None else tuple(touched(folder, against))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of submissions")
    judging = log is not None or against is not None
    run = [] if judging else run_places(folder)
    logs = Logs() if run else Logs.read(log or against or submissions_root(folder))
    found: list[Verified] = []
    problems: list[Problem] = list(logs.problems)
    level = level_of(folder)
    if against is not None and level:
        text = "results stand elsewhere than <model>/<revision>/<task>; --against takes whole trees"
        problems.append(Problem(".", "layout", text))
    for place in run or walk(folder, level if against is None else 0):
        if isinstance(place, Problem):
            problems.append(place)
        else:
            found.append(_verify_place(place, source or ManifestSource(), logs))
    if not found and not problems:
        problems.append(Problem(".", "layout", f"there is no submission (no {RECORD}) here"))
    idle: Sequence[Problem] = ()
    if not run and (against is not None or level == 0):
        idle = tuple(logs.idle({v.place.path: v.record for v in found}))
    landed = {p.path for p in _places(against)}
    seen = together(found, landed)
    problems += [t.as_problem() for t in changes if not t.allowed]
    problems += seen.problems
    for verified in seen.submissions:
        if verified.level is not Level.INVALIDATED:
            problems += verified.problems
    return Report(seen.submissions, tuple(problems), (*seen.notes, *idle), changes)


def _places(base: Path | None) -> list[Place]:
    return [] if base is None else [p for p in walk(base, 0) if isinstance(p, Place)]


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
            Level.FAILED if withdrawn is None else Level.INVALIDATED,
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
    if manifest is not None and file is not None:
        subject = checks.Subject(record, finished.task, manifest, file, finished.digest)
        for check in checks.ALL:
            problems += _problems(place, check(subject))
    elif manifest is None and file is not None:
        problems += _problems(place, checks.relabelled(record, [s.item_id for s in file.scores]))
    withdrawn = logs.invalidation(place.path)
    again = logs.audit(place.path, record.scores_sha256, record.task.n_items)
    return Verified(
        place,
        record,
        tuple(problems),
        level=level(
            withdrawn=withdrawn is not None,
            failed=any(p.check not in NOT_AT_HAND for p in problems),
            has_scores=file is not None,
            has_items=manifest is not None,
            partial=record.partial,
            again=0 if again is None else again.items,
            n_items=record.task.n_items,
        ),
        reason=withdrawn.reason if withdrawn else "",
        fingerprint=fingerprint(finished),
    )


def _problems(place: Place, findings: Iterable[checks.Finding]) -> list[Problem]:
    of_scores = ("ids", "finite", "scores")
    return [
        Problem(f"{place.path}/{SCORES if check in of_scores else RECORD}", check, text)
        for check, text in findings
    ]
