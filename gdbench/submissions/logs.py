"""The public logs of a folder of submissions: what was withdrawn, and what others ran again.

    [[invalidated]]                       [[audited]]
    path = "model/revision"               path = "model/revision/task"
    reason = "trained on the test set"    scores_sha256 = "…"
    date = "2026-01-31"                   items = 32
                                          of = 400
                                          largest = 1.2e-5
                                          points = 2.0
                                          power = 0.99
                                          randomness = "…"
                                          by = "maintainers"
                                          date = "2026-01-31"

A path of the first may be a model, a revision or a task, and covers what is below it. An entry of
the second speaks of these very scores; which items were run again follows from `randomness` (see
`gdbench.submissions.draw`). Whoever judges a stranger's folder reads the logs of another one.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gdbench.errors import InputError
from gdbench.readable import shown, text_problem
from gdbench.records import ResultRecord
from gdbench.store import write_atomically
from gdbench.submissions.layout import AUDITED, INVALIDATED, NAME
from gdbench.submissions.problems import Problem, Rejected
from gdbench.submissions.times import is_day
from gdbench.submissions.untrusted import check_texts, read_bytes

POINTS = 2.0
"""The smallest forgery of a score, in points, that an audit has to find, …"""
POWER = 0.99
"""… and how surely, for a result to be ranked."""
_MAX_LOG_BYTES = 1_000_000
_MOST = sys.float_info.max
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_TASK_LEVEL = 3


@dataclass(frozen=True)
class Invalidation:
    """One entry of the log of withdrawn results."""

    path: str
    reason: str
    date: str


@dataclass(frozen=True)
class Audit:
    """One entry of the log of results whose model was run again with the same answers."""

    path: str
    scores_sha256: str
    items: int
    of: int
    largest: float
    """Largest difference between candidates from the submitted one."""
    points: float
    power: float
    randomness: str
    by: str
    date: str


@dataclass(frozen=True)
class Logs:
    """Both logs of a folder of submissions."""

    invalidated: tuple[Invalidation, ...] = ()
    audited: tuple[Audit, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, submissions: Path) -> Logs:
        """From the files; a broken entry becomes a problem and has no effect."""
        problems: list[Problem] = []
        withdrawn = _entries(submissions / INVALIDATED, "invalidated", problems)
        again = _entries(submissions / AUDITED, "audited", problems)
        for entry in again:
            if entry["items"] > entry["of"]:
                text = f"{entry['path']}: {entry['items']} items of {entry['of']}"
                problems.append(Problem(AUDITED, "log", text))
        return cls(
            tuple(Invalidation(**e) for e in withdrawn),
            tuple(Audit(**e) for e in again if _is_strong(e)),
            tuple(problems),
        )

    def invalidation(self, path: str) -> Invalidation | None:
        """The entry that withdraws `model/revision/task`, if there is one."""
        parts = path.split("/")
        covered = {"/".join(parts[:n]) for n in range(1, len(parts) + 1)}
        return next((i for i in self.invalidated if i.path in covered), None)

    def audit(self, path: str, scores_sha256: str, n_items: int) -> Audit | None:
        """The entry of these very scores, of so many items, with most of them run again.

        An entry that counts other items speaks of another result. None: there is no entry.
        """
        return self._audits.get((path, scores_sha256, n_items))

    def idle(self, records: Mapping[str, ResultRecord | None]) -> Iterator[Problem]:
        """Entries that have no effect on the results of a whole tree, by path; why they have none.

        A wrong path or hash is easily typed, and what it should have withdrawn stays as it was.
        """
        above = {"/".join(path.split("/")[:n]) for path in records for n in range(1, 4)}
        for entry in self.invalidated:
            if entry.path not in above:
                yield Problem(INVALIDATED, "log", f"{entry.path}: there is no such result here")
        for audit in self.audited:
            record = records.get(audit.path)
            if audit.path not in records:
                text = "there is no such result here"
            elif record is None:
                text = "the result has no record that can be read"
            elif audit.scores_sha256 != record.scores_sha256:
                text = "the result has other scores by now"
            elif audit.of != record.task.n_items:
                text = f"says {audit.of} items, the result has {record.task.n_items}"
            else:
                continue
            yield Problem(AUDITED, "log", f"{audit.path}: without effect: {text}")

    @cached_property
    def _audits(self) -> dict[tuple[str, str, int], Audit]:
        """By path, scores and number of items, the first of those with most run again."""
        found: dict[tuple[str, str, int], Audit] = {}
        for audit in self.audited:
            key = audit.path, audit.scores_sha256, audit.of
            if key not in found or audit.items > found[key].items:
                found[key] = audit
        return found


def _is_strong(entry: dict[str, Any]) -> bool:
    """Whether an audit could find what it has to; a whole task always does."""
    if entry["items"] >= entry["of"]:
        return bool(entry["items"] == entry["of"])
    return bool(entry["points"] <= POINTS and entry["power"] >= POWER)


def _is_path(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.count("/") < _TASK_LEVEL
        and all(NAME.match(part) for part in value.split("/"))
    )


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_number(value: object) -> bool:
    # the bound is no NaN's, no infinity's, and no integer's that a float cannot hold
    return isinstance(value, (int, float)) and type(value) is not bool and 0 <= value <= _MOST


def _is_chance(value: object) -> bool:
    return isinstance(value, (int, float)) and _is_number(value) and value <= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


_FIELDS = {
    "path": _is_path,
    "reason": _is_text,
    "date": lambda v: isinstance(v, str) and is_day(v),
    "scores_sha256": lambda v: isinstance(v, str) and bool(_SHA256.match(v)),
    "items": _is_count,
    "of": _is_count,
    "largest": _is_number,
    "points": _is_number,
    "power": _is_chance,
    "randomness": _is_text,
    "by": _is_text,
}
_KEYS = {
    "invalidated": set(Invalidation.__dataclass_fields__),
    "audited": set(Audit.__dataclass_fields__),
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
    except (ValueError, RecursionError) as error:  # also integers with thousands of digits
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


def check_word(flag: str, text: str) -> str:
    """What goes into a log as it was typed. Raises InputError where the log could not be read."""
    problem = text_problem(text) or ("" if text.strip() else "is empty")
    if problem:
        raise InputError(f"{flag} {problem}; the log takes a line of plain text")
    return text


def write_audited(submissions: Path, entries: Sequence[Audit]) -> None:
    """Write `AUDITED.toml`: of each path the entry of its newest scores, that with most items."""
    kept: dict[str, Audit] = {}
    for entry in entries:
        before = kept.get(entry.path)
        weaker = before is not None and before.scores_sha256 == entry.scores_sha256
        if before is None or not (weaker and before.items > entry.items):
            kept[entry.path] = entry
    lines = ["# Written by `gdbench audit … --record`.\n"]
    for path in sorted(kept):
        lines.append("\n[[audited]]\n")
        lines += [f"{key} = {_toml(value)}\n" for key, value in asdict(kept[path]).items()]
    write_atomically(submissions / AUDITED, "".join(lines).encode())


def _toml(value: str | float) -> str:
    # escapes of JSON's halves of a character are none in TOML
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
