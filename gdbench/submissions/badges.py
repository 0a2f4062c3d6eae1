"""Badges: how far a result can be trusted. They are computed, never typed.

`INVALIDATED.toml` and `RESCORED.toml` in the folder of submissions are public logs:

    [[invalidated]]                       [[rescored]]
    path = "model/revision"               path = "model/revision/task"
    reason = "trained on the test set"    scores_sha256 = "…"
    date = "2026-01-31"                   items = 20
                                          max_difference = 1.2e-5
                                          date = "2026-01-31"

A path of the first may be a model, a revision or a task, and covers what is below it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from gdbench.store import write_atomically
from gdbench.submissions.layout import INVALIDATED, NAME, RESCORED
from gdbench.submissions.problems import Problem, Rejected, shown
from gdbench.submissions.untrusted import check_texts, read_bytes

_MAX_LOG_BYTES = 1_000_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_TASK_LEVEL = 3


class Badge(StrEnum):
    """From the weakest to the strongest."""

    INVALIDATED = "invalidated"  # withdrawn, with a public reason
    FAILED = "failed"  # the numbers are not those of the scores
    REPORTED = "reported"  # nobody could recompute it here: scores or items are missing
    PARTIAL = "partial"  # recomputed, but items of the task are missing
    RECOMPUTED = "recomputed"  # every number was made again from the scores
    RESCORED = "rescored"  # the model was run again on a sample of items


@dataclass(frozen=True)
class Invalidation:
    """One entry of the log of withdrawn results."""

    path: str
    reason: str
    date: str


@dataclass(frozen=True)
class Rescoring:
    """One entry of the log of results whose model was run again."""

    path: str
    scores_sha256: str
    items: int
    max_difference: float
    date: str


@dataclass(frozen=True)
class Logs:
    """Both logs of a folder of submissions."""

    invalidated: tuple[Invalidation, ...] = ()
    rescored: tuple[Rescoring, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, submissions: Path) -> Logs:
        """From the files; a broken entry becomes a problem and has no effect."""
        problems: list[Problem] = []
        invalidated = [
            Invalidation(e["path"], e["reason"], e["date"])
            for e in _entries(submissions / INVALIDATED, "invalidated", problems)
        ]
        rescored = [
            Rescoring(
                e["path"], e["scores_sha256"], e["items"], float(e["max_difference"]), e["date"]
            )
            for e in _entries(submissions / RESCORED, "rescored", problems)
        ]
        return cls(tuple(invalidated), tuple(rescored), tuple(problems))

    def invalidation(self, path: str) -> Invalidation | None:
        """The entry that withdraws `model/revision/task`, if there is one."""
        parts = path.split("/")
        covered = {"/".join(parts[:n]) for n in range(1, len(parts) + 1)}
        return next((i for i in self.invalidated if i.path in covered), None)

    def rescoring(self, path: str, scores_sha256: str) -> Rescoring | None:
        """The entry for these very scores, if there is one."""
        found = [r for r in self.rescored if (r.path, r.scores_sha256) == (path, scores_sha256)]
        return found[-1] if found else None


def _is_path(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.count("/") < _TASK_LEVEL
        and all(NAME.match(part) for part in value.split("/"))
    )


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_difference(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0  # type: ignore[operator,arg-type] # a number


_FIELDS = {
    "path": _is_path,
    "reason": lambda v: isinstance(v, str) and bool(v.strip()),
    "date": lambda v: isinstance(v, str) and bool(_DATE.match(v)),
    "scores_sha256": lambda v: isinstance(v, str) and bool(_SHA256.match(v)),
    "items": _is_count,
    "max_difference": _is_difference,
}
_KEYS = {
    "invalidated": {"path", "reason", "date"},
    "rescored": {"path", "scores_sha256", "items", "max_difference", "date"},
}


def _entries(path: Path, kind: str, problems: list[Problem]) -> list[dict[str, Any]]:
    if not path.exists() and not path.is_symlink():
        return []
    try:
        raw = tomllib.loads(read_bytes(path, _MAX_LOG_BYTES).decode())
        check_texts(raw)
    except Rejected as rejected:
        problems.append(Problem(path.name, rejected.check, rejected.problem))
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problems.append(Problem(path.name, "log", f"is not TOML: {shown(str(error), 100)}"))
        return []
    rows = raw.get(kind, [])
    if raw.keys() - {kind} or not isinstance(rows, list):
        problems.append(Problem(path.name, "log", f"may only have entries [[{kind}]]"))
        return []
    good = []
    for i, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != _KEYS[kind]:
            expected = ", ".join(sorted(_KEYS[kind]))
            problems.append(Problem(path.name, "log", f"entry {i} must have: {expected}"))
            continue
        wrong = [key for key, value in row.items() if not _FIELDS[key](value)]
        if wrong:
            text = f"entry {i}: {wrong[0]} is {shown(row[wrong[0]])}"
            problems.append(Problem(path.name, "log", text))
        else:
            good.append(row)
    return good


def write_rescored(submissions: Path, entries: Sequence[Rescoring]) -> None:
    """Write `RESCORED.toml`, the newest entry of a path last and only."""
    newest = {e.path: e for e in entries}
    lines = ["# Written by `gdbench verify --rescore … --record`.\n"]
    for path in sorted(newest):
        e = newest[path]
        lines.append(
            f"\n[[rescored]]\npath = {json.dumps(e.path)}\n"
            f"scores_sha256 = {json.dumps(e.scores_sha256)}\nitems = {e.items}\n"
            f"max_difference = {e.max_difference!r}\ndate = {json.dumps(e.date)}\n"
        )
    write_atomically(submissions / RESCORED, "".join(lines).encode())


def badge(
    *, invalidated: bool, failed: bool, recomputed: bool, partial: bool, rescored: bool
) -> Badge:
    """The one badge of a submission."""
    if invalidated:
        return Badge.INVALIDATED
    if failed:
        return Badge.FAILED
    if not recomputed:
        return Badge.REPORTED
    if partial:
        return Badge.PARTIAL
    return Badge.RESCORED if rescored else Badge.RECOMPUTED
