"""The whole board from its records: what is kept of an unchanged suite is not judged again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.gather.verified import verified
from gdbench.leaderboard.judge.assemble import board_of, numbers_of, rows_of
from gdbench.leaderboard.judge.examples import answers_of, exhibited, exhibition, pool_shown
from gdbench.leaderboard.judge.keep import Keep, digest, key_of
from gdbench.leaderboard.judge.reading import read, trusted, unread
from gdbench.leaderboard.judged.board import Board, Pool, Row
from gdbench.leaderboard.judged.kept import KeptExamples, KeptResult, KeptSuite, PoolNumbers
from gdbench.leaderboard.judged.reading import Reading
from gdbench.submissions.layout import Place
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.neighbours import Verified
from gdbench.tasks.base import BUNDLED, Task

Suite = tuple[str, str | None]
"""Suite and mode: only results of one can be copies of each other, or in one pool."""


def build_board(
    entries: Sequence[Entry], tasks: Sequence[Task], readings: Mapping[Path, Reading]
) -> Board:
    """The board of readings that are at hand: rows, ranks, comparisons, examples."""
    pools = rows_of(entries, tasks, readings)
    numbers = {pool: numbers_of(rows, tasks) for pool, rows in pools.items()}
    shown = pool_shown(pools)
    examples = None if shown is None else answers_of(pools[shown], shown, tasks)
    return _board(entries, tasks, pools, numbers, examples)


def judge(
    entries: Sequence[Entry],
    tasks: Sequence[Task],
    logs: Logs,
    source: ManifestSource | None = None,
    keep: Keep | None = None,
) -> Board:
    """Read the scores of all entries, and judge them.

    Of a suite whose records, scores and log entries are those of an earlier build, nothing is read
    and nothing is computed: what was found is in `keep`. Suites whose items do not come with the
    package are always judged again, as the items may have changed.

    Raises InputError where a score file is damaged or not the record's, or a local run has none.
    """
    keep = keep or Keep(None)
    chosen = exhibited(rows_of(entries, tasks, {e.file: unread(e, logs) for e in entries}))
    suites: dict[Suite, list[Entry]] = defaultdict(list)
    for entry in entries:
        suites[entry.record.task.suite, entry.record.task.compat].append(entry)
    keys = {suite: _key(suite, own, logs, keep) for suite, own in suites.items()}
    readings: dict[Path, Reading] = {}
    submissions: list[Verified] = []
    unopened: set[Suite] = set()
    for suite, own in suites.items():
        kept = keep.get(keys[suite], KeptSuite)
        if kept is None:
            found, known = read(verified(own, logs, source), logs, chosen)
            keep.put(keys[suite], KeptSuite, _kept(own, found, known))
        else:
            unopened.add(suite)
            found, known = _again(own, logs, kept)
        readings |= found
        submissions += known
    final = trusted(readings, submissions)
    pools = rows_of(entries, tasks, final)
    shown = pool_shown(pools)
    numbers: dict[Pool, PoolNumbers] = {}
    examples: KeptExamples | None = None
    for pool in pools:
        suite = pool.suite, pool.compat
        asked = _asked(pool, pools[pool], keys[suite], chosen, tasks)
        made = keep.get(asked, PoolNumbers)
        answers = keep.get(asked, KeptExamples) if pool == shown else None
        if made is None or (pool == shown and answers is None):
            if suite in unopened:  # its scores are as they were, their standing is not
                unopened.remove(suite)
                found, _ = read(verified(suites[suite], logs, source), logs, chosen)
                final |= {f: replace(r, trust=final[f].trust) for f, r in found.items()}
                pools = rows_of(entries, tasks, final)
            made = numbers_of(pools[pool], tasks)
            keep.put(asked, PoolNumbers, made)
            if pool == shown:
                answers = answers_of(pools[pool], pool, tasks)
                keep.put(asked, KeptExamples, answers)
        numbers[pool] = made
        examples = answers or examples
    return _board(entries, tasks, pools, numbers, examples)


def _board(
    entries: Sequence[Entry],
    tasks: Sequence[Task],
    pools: Mapping[Pool, Sequence[Row]],
    numbers: Mapping[Pool, PoolNumbers],
    examples: KeptExamples | None,
) -> Board:
    shown = pool_shown(pools)
    return Board(
        tuple(board_of(pool, rows, tasks, numbers[pool]) for pool, rows in pools.items()),
        tuple(tasks),
        tuple(entries),
        exhibition(examples, shown, tasks) if examples and shown else None,
    )


def _key(suite: Suite, own: Sequence[Entry], logs: Logs, keep: Keep) -> str:
    """What the judgement of a suite rests on; empty where it cannot be kept.

    Without any scores there is nothing to save.
    """
    if not keep.folder or suite[0] not in BUNDLED or not any(e.scores for e in own):
        return ""
    told = [(digest(e), logs.invalidation(e.place), unread(e, logs).audit) for e in own]
    return key_of(suite, told)


def _asked(
    pool: Pool,
    rows: Sequence[Row],
    suite: str,
    chosen: set[Path],
    tasks: Sequence[Task],
) -> str:
    """What the numbers of a pool rest on beside those of its suite."""
    if not suite:
        return ""
    told = [
        (r.name, r.reason, r.variant_of, sorted((n, x.trust, x.entry.file in chosen)
                                                for n, x in r.results.items()))
        for r in rows
    ]  # fmt: skip
    return key_of(suite, pool, told, [(t.name, t.version, t.kind) for t in tasks])


def _kept(
    own: Sequence[Entry], found: Mapping[Path, Reading], known: Sequence[Verified]
) -> KeptSuite:
    levels = {v.place.folder: (v.level.value, v.reason) for v in known}
    return KeptSuite(
        {
            digest(e): KeptResult(
                *levels.get(e.file.parent, ("", "")), found[e.file].budget, found[e.file].error_gap
            )
            for e in own
        }
    )


def _again(
    own: Sequence[Entry], logs: Logs, kept: KeptSuite
) -> tuple[dict[Path, Reading], list[Verified]]:
    """The readings without samples, and what is known of submissions."""
    readings: dict[Path, Reading] = {}
    known = []
    for e in own:
        was = kept.results[digest(e)]
        readings[e.file] = replace(unread(e, logs), budget=was.budget, error_gap=was.error_gap)
        if e.place:
            place = Place(e.file.parent, *e.place.split("/"))
            known.append(Verified(place, e.record, (), Level(was.level), was.reason))
    return readings, known
