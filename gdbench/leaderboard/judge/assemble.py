"""From records to the board: pools, rows, ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judge.capabilities import of_rows
from gdbench.leaderboard.judge.compare import ALL_PAIRS_UP_TO, NEIGHBOURS, comparable, compare
from gdbench.leaderboard.judge.evidence import Evidence, evidence_of
from gdbench.leaderboard.judge.front import front_of
from gdbench.leaderboard.judge.ranking import LEVEL, places_by_intervals, places_by_tests
from gdbench.leaderboard.judge.tasks import standing
from gdbench.leaderboard.judge.variants import labelled, ordered, with_variants
from gdbench.leaderboard.judged.board import BiasPair, Place, Pool, PoolBoard, Result, Row
from gdbench.leaderboard.judged.kept import PoolNumbers
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import BADGES, RANKED
from gdbench.metrics.estimate import Estimate, mean_independent, of_score
from gdbench.metrics.intervals import share_interval
from gdbench.metrics.measures import associations
from gdbench.numbers import EFFECT
from gdbench.records import MetricValue
from gdbench.tasks.base import Task

Key = tuple[str, str, bool]
"""Name and revision of a model, and whether it is a local run."""
_MOST_TESTED = 60  # models; beyond, testing all pairs would take minutes


def pools_of(entries: Sequence[Entry]) -> Iterator[tuple[Pool, Entry]]:
    """The pool that each record of one model belongs to.

    A limit that leaves nothing out of any of a model's tasks is none: the number is free, the
    items are not.
    """
    asked: dict[tuple[str, int | None, str | None, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        task = entry.record.task
        asked[task.suite, task.limit, task.compat, task.item_seed].append(entry)
    for (suite, limit, compat, seed), group in asked.items():
        cut = limit is not None and any(e.record.partial for e in group)
        pool = Pool(suite, limit if cut else None, compat, seed if cut else 0)
        for entry in group:
            yield pool, entry


def result_of(entry: Entry, task: Task, reading: Reading) -> Result:
    """A record seen as the result of a task.

    The estimate is the mean of the task's primary metrics; where the record lacks one of them,
    there is none and the result is not ranked.
    """
    record = entry.record
    by_name = {m.name: m for m in record.metrics}
    primary = [by_name[name] for name in task.primary if name in by_name]
    complete = bool(task.primary) and len(primary) == len(task.primary)
    chances = [m.chance for m in primary if m.chance is not None]
    estimate = of_score(record, primary) if complete else None
    if not task.primary and record.score is not None:
        # nothing is known of the task: its score is what the record says
        estimate = Estimate(record.score, record.score_low, record.score_high)
    return Result(
        entry=entry,
        task=task,
        estimate=estimate,
        chance=math.fsum(chances) / len(chances)
        if complete and len(chances) == len(primary)
        else None,
        covered=record.task.share >= task.coverage,
        reading=reading,
        leaning=frozenset(
            m.name for m in record.metrics if task.unit(m) == EFFECT and differs_from_zero(m)
        ),
    )


def differs_from_zero(effect: MetricValue) -> bool:
    """Whether an effect size is told from zero.

    The test is that of the record, adjusted over the pairs of the task. Without one (a record of
    another tool) the interval decides, and without both nothing is known to differ from zero.
    """
    p = effect.details.get("p_holm", effect.p_value)
    if p is not None:
        return effect.value != 0 and p <= LEVEL
    low, high = effect.low, effect.high
    return effect.value != 0 and low is not None and high is not None and low * high > 0


def _group(name: str) -> str:
    """A group's name for a person; the abbreviation stays one."""
    return name.upper() if name == "lgbt" else name.capitalize()


def bias_pairs(rows: Iterable[Row], task: Task) -> tuple[BiasPair, ...]:
    """The pairs of groups that occur in a task, in its order; unknown ones after them."""
    present = {
        m.name
        for row in rows
        if (found := row.results.get(task.name))
        for m in found.metrics
        if task.unit(m) == EFFECT
    }
    known = [
        BiasPair(m.name, _group(m.first), _group(m.second), m.topic or "other", task.name)
        for m in associations(task.measures)
        if m.name in present
    ]
    unknown = present - {p.metric for p in known}
    return (*known, *(BiasPair(name, name, "", "other", task.name) for name in sorted(unknown)))


def board_of(
    pool: Pool, rows: Sequence[Row], tasks: Sequence[Task], numbers: PoolNumbers
) -> PoolBoard:
    """All that is said of a pool: its rows with their places, and what follows from them."""
    placed = _placed(rows, numbers.scores, numbers.places)
    return PoolBoard(
        pool,
        placed,
        pairs=tuple(p for t in tasks if t.kind != "ability" for p in bias_pairs(rows, t)),
        tested=numbers.tested,
        front=front_of(placed),
        compared=numbers.compared,
        neighbours=numbers.neighbours,
        tasks=numbers.tasks,
        capabilities=of_rows(placed),
    )


def rows_of(
    entries: Sequence[Entry], tasks: Sequence[Task], readings: Mapping[Path, Reading]
) -> dict[Pool, tuple[Row, ...]]:
    """The rows of each pool by score, best first, variants below their model; nothing is ranked."""
    by_task = {t.name: t for t in tasks}
    ability = [t.name for t in tasks if t.kind == "ability"]
    by_model: dict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        model = entry.record.model
        by_model[model.name, model.revision, not entry.place].append(entry)
    grouped: dict[Pool, dict[Key, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for key, own in by_model.items():
        for pool, entry in pools_of(own):
            grouped[pool][key].append(entry)
    slugs = model_slugs({key for models in grouped.values() for key in models})
    found = {}
    for pool in sorted(grouped, key=lambda p: p.order):
        rows = []
        for key in sorted(grouped[pool]):
            results = {
                e.record.task.name: result_of(e, by_task[e.record.task.name], readings[e.file])
                for e in grouped[pool][key]
            }
            rows.append(_row(pool, results, ability, slugs[key]))
        rows = labelled(with_variants(rows))
        rows.sort(key=lambda r: (r.score is None, -(r.score.value if r.score else 0), r.name))
        found[pool] = tuple(ordered(rows))
    return found


def _row(pool: Pool, results: dict[str, Result], ability: Sequence[str], slug: str) -> Row:
    newest = max(results.values(), key=lambda r: (r.entry.record.created, r.task.name))
    estimates = [
        r.estimate for name in ability if (r := results.get(name)) and r.estimate is not None
    ]
    short = [n for n in ability if (r := results.get(n)) is not None and not r.covered]
    reason = ""
    if len(estimates) < len(ability):
        reason = f"{len(estimates)} of {len(ability)} tasks"
    elif short:
        reason = f"items missing in {', '.join(short)}"
    score = mean_independent(estimates) if len(estimates) == len(ability) else None
    model = newest.entry.record.model
    if not reason and model.family == "control":
        reason = "control"
    row = Row(model, pool, results, score, reason, slug=slug)
    if row.trust.badge not in RANKED and (not reason or row.trust.reason):
        text = f"{BADGES[row.trust.badge].label} {row.trust.reason}".strip()
        return replace(row, reason=text)
    return row


def numbers_of(rows: Sequence[Row], tasks: Sequence[Task]) -> PoolNumbers:
    """What the scores behind the rows of a pool say."""
    ability = [t for t in tasks if t.kind == "ability"]
    evidence = evidence_of(rows, [t.name for t in ability])
    places, tested = _places(rows, evidence)
    scores = {r.name: e for r in rows if (e := _joint(r, evidence)) is not None}
    placed = _placed(rows, scores, places)
    standings = {t.name: standing(t, placed, evidence) for t in tasks}
    return PoolNumbers(
        scores=scores,
        places=places,
        tested=tested,
        compared=compare(placed, evidence, ability),
        neighbours=NEIGHBOURS if len(comparable(placed)) > ALL_PAIRS_UP_TO else None,
        tasks={name: found for name, found in standings.items() if found is not None},
    )


def _placed(
    rows: Sequence[Row], scores: Mapping[str, Estimate], places: Mapping[str, Place]
) -> tuple[Row, ...]:
    return tuple(
        replace(r, score=scores.get(r.name, r.score), place=places.get(r.name)) for r in rows
    )


def _places(rows: Sequence[Row], evidence: Mapping[str, Evidence]) -> tuple[dict[str, Place], bool]:
    """Places of those that may have one, and whether they rest on paired tests."""
    scores = {r.name: r.score for r in rows if not r.reason and r.score is not None}
    totals = {n: e.total for n, e in evidence.items() if n in scores and e.total is not None}
    same_items = len({frozenset(t.ids) for t in totals.values()}) == 1
    tested = same_items and len(totals) == len(scores) <= _MOST_TESTED
    return (places_by_tests(totals) if tested else places_by_intervals(scores)), tested


def _joint(row: Row, evidence: Mapping[str, Evidence]) -> Estimate | None:
    """The score with the interval of the joint sample of all tasks, on which its rank rests too."""
    total = evidence[row.name].total if row.name in evidence else None
    if total is None or row.score is None:
        return None
    ends = share_interval(total, total.expected)
    return None if ends is None else Estimate(row.score.value, ends.low, ends.high)


def model_slugs(keys: Iterable[Key]) -> dict[Key, str]:
    """File names of model pages: `name/revision`, told apart where only the case differs."""
    slugs: dict[Key, str] = {}
    taken: dict[str, int] = {}
    for name, revision, local in sorted(keys):
        slug = f"{name}/{revision}{'~local' if local else ''}"
        again = taken.get(slug.lower(), 0)
        taken[slug.lower()] = again + 1
        slugs[name, revision, local] = f"{slug}~{again + 1}" if again else slug
    return slugs
