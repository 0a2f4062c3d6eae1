"""What only shows when submissions are seen together: copies, doubles, names that look alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gdbench.records import ResultRecord
from gdbench.submissions.copies import Fingerprint, likeness
from gdbench.submissions.layout import Place, RunPlace, identity, row_of, unlike
from gdbench.submissions.levels import Level
from gdbench.submissions.names import confusable, impersonation, unusable
from gdbench.submissions.problems import Problem


@dataclass(frozen=True)
class Verified:
    """What is known of one submission after verification."""

    place: Place
    record: ResultRecord | None
    problems: tuple[Problem, ...]
    level: Level
    reason: str = ""
    """Why it was withdrawn, or whose scores it has."""
    fingerprint: Fingerprint | None = field(default=None, repr=False, compare=False)


Present = tuple[Verified, ResultRecord]
"""A submission with its record."""


@dataclass(frozen=True)
class Together:
    """Submissions after they were compared with each other."""

    submissions: tuple[Verified, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    """What a reader should know and nobody is at fault for."""


def together(alone: Sequence[Verified], landed: Collection[str] = ()) -> Together:
    """Compare submissions with each other.

    Args:
        alone: each as it was verified by itself.
        landed: paths of those that were there before the others; of a copy, the later is blamed.
    """
    problems = [*_names(alone, landed), *_cards(alone), *_mixtures(alone), *_twins(alone, landed)]
    copies, notes = _copies(alone, landed)
    problems += copies.values()
    after = _failed(alone, copies)
    blamed = {p.path: p for p in problems if p.check == "name"}
    after = tuple(
        replace(v, level=Level.FAILED, reason=blamed[v.place.path].problem)
        if v.place.path in blamed and v.level is not Level.INVALIDATED
        else v
        for v in after
    )
    return Together(after, tuple(problems), tuple(notes))


def without_copies(alone: Sequence[Verified]) -> tuple[Verified, ...]:
    """The same, copies failed; only those of the same task and suite can be one another's."""
    return _failed(alone, _copies(alone, ())[0])


def _failed(alone: Sequence[Verified], copies: Mapping[str, Problem]) -> tuple[Verified, ...]:
    return tuple(
        replace(v, level=Level.FAILED, reason=copies[v.place.path].problem)
        if v.place.path in copies
        else v
        for v in alone
    )


def _present(alone: Iterable[Verified]) -> list[Present]:
    return [
        (v, v.record)
        for v in alone
        if v.record is not None
        and v.level is not Level.INVALIDATED
        and not isinstance(v.place, RunPlace)
    ]


def _names(alone: Sequence[Verified], landed: Collection[str]) -> Iterator[Problem]:
    """Names that cannot be, that look like another's, or that are a known model's.

    Of two names that look alike, that of what was there before is right.
    """
    present = [v for v in alone if not isinstance(v.place, RunPlace)]
    order = sorted(
        present, key=lambda v: (v.place.path not in landed, not v.level.ranked, v.place.path)
    )
    alike = dict(confusable(dict.fromkeys(v.place.model for v in order)))
    for v in present:
        for name in (v.place.model, v.place.revision):
            if text := unusable(name):
                yield Problem(v.place.path, "name", text)
        if v.place.model in alike:
            text = f"{v.place.model!a} is easily confused with {alike[v.place.model]!a}"
            yield Problem(v.place.path, "name", text)
        elif v.record is not None and (text := impersonation(v.record)):
            yield Problem(v.place.path, "name", text)


def _cards(alone: Sequence[Verified]) -> Iterator[Problem]:
    """One revision is one model."""
    by_revision: dict[tuple[str, str], list[Present]] = defaultdict(list)
    for v, record in _present(alone):
        by_revision[v.place.model, v.place.revision].append((v, record))
    for (first, its), *others in by_revision.values():
        for v, record in others:
            if record.model != its.model:
                text = f"is another model than {first.place.path}: the card differs"
                yield Problem(v.place.path, "duplicate", text)


def _mixtures(alone: Sequence[Verified]) -> Iterator[Problem]:
    """A row of the board is one model with one setting, not the best of many for each task."""
    first: dict[tuple[object, ...], Present] = {}
    for v, record in _present(alone):
        # what stands in a folder of another revision is told as a double
        row = (v.place.model, v.place.revision, *row_of(record))
        other, its = first.setdefault(row, (v, record))
        if names := unlike(record, its):
            text = (
                f"has not the {', '.join(names)} of {other.place.path}; run all tasks of a "
                "revision with one setting"
            )
            yield Problem(v.place.path, "duplicate", text)


def _twins(alone: Sequence[Verified], landed: Collection[str]) -> Iterator[Problem]:
    """A model answers a question once; a board with two answers would have to choose."""
    first: dict[tuple[object, ...], str] = {}
    present = _present(alone)
    for v, record in sorted(
        present, key=lambda p: (p[0].place.path not in landed, p[0].place.path)
    ):
        other = first.setdefault(identity(record), v.place.path)
        if other != v.place.path:
            yield Problem(v.place.path, "duplicate", f"is the model and task of {other} once more")


def _copies(
    alone: Sequence[Verified], landed: Collection[str]
) -> tuple[dict[str, Problem], list[Problem]]:
    """Copies by the path of the one that is blamed, and pairs that are only close.

    Two results whose models were both run again by others are no copies, however alike.
    """
    groups: dict[object, list[Present]] = defaultdict(list)
    for v, record in _present(alone):
        groups[record.task.name, record.task.suite, record.task.compat].append((v, record))
    blamed: dict[str, Problem] = {}
    notes: list[Problem] = []
    for group in groups.values():
        group.sort(key=lambda pair: _age(pair[0], pair[1], landed))
        for (first, its), (later, record) in _comparable(group):
            if first.level.ranked and later.level.ranked:
                continue
            if first.place.path in blamed or later.place.path in blamed:
                continue
            same = its.scores_sha256 == record.scores_sha256
            a, b = first.fingerprint, later.fingerprint
            alike = None if a is None or b is None else likeness(a, b)
            tied = a is None and b is None and first.level.usable and later.level.usable
            if same and not tied:
                text = f"has the very scores of {first.place.path}"
            elif alike is not None and alike.copied:
                text = f"has the answers of {first.place.path}: {alike.text}"
            else:
                if alike is not None and alike.close:
                    near = f"is close to {first.place.path}: {alike.text}"
                    notes.append(Problem(later.place.path, "close", near))
                continue
            blamed[later.place.path] = Problem(later.place.path, "duplicate", text)
    return blamed, notes


def _comparable(group: Sequence[Present]) -> Iterator[tuple[Present, Present]]:
    """The pairs that can be copies, in order: with the same hash, or both with answers at hand."""
    same: dict[str, list[int]] = defaultdict(list)
    answered = []
    for index, (verified, record) in enumerate(group):
        same[record.scores_sha256].append(index)
        if verified.fingerprint is not None:
            answered.append(index)
    for index, (verified, record) in enumerate(group):
        others = set(same[record.scores_sha256])
        if verified.fingerprint is not None:
            others.update(answered)
        for other in sorted(o for o in others if o > index):
            yield group[index], group[other]


def _age(v: Verified, record: ResultRecord, landed: Collection[str]) -> tuple[object, ...]:
    """Sorts the earlier of two results first; the time in a record is its maker's word."""
    return (v.place.path not in landed, not v.level.ranked, record.created, v.place.path)
