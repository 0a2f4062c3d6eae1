"""Items with every model's answer: right or wrong, and how far ahead the right candidate was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gdbench.leaderboard.gather.items import items_of
from gdbench.leaderboard.judged.board import Exhibition, Pool, Result, Row
from gdbench.leaderboard.judged.examples import Answer, Example
from gdbench.leaderboard.judged.kept import KeptExamples
from gdbench.leaderboard.judged.reading import ItemScores
from gdbench.leaderboard.judged.trust import RANKED
from gdbench.metrics.matching import pair_credits, recall_credits
from gdbench.metrics.measures import by_rule, tie_rule
from gdbench.protocol import Item, Matrix, Query
from gdbench.records import ResultRecord
from gdbench.tasks.base import BUNDLED, Task

MOST_MODELS = 12
_RETRIEVAL = (Query.TEXT_RETRIEVAL, Query.IMAGE_RETRIEVAL)

Ranking = Mapping[Pool, Sequence[Row]]
"""The rows of each pool, best first."""


def pool_shown(pools: Ranking) -> Pool | None:
    """The first pool of the oldest bundled suite that is there: whole suites before parts.

    The textures of the newer one take four times the space, which a committed board would carry.
    """
    found = [p for suite in reversed(BUNDLED) for p in pools if p.suite == suite]
    return next(iter(found), None)


def exhibited(pools: Ranking) -> set[Path]:
    """The records whose answers are shown: those of the best audited models, then others.

    Rows stand in the order of their records' scores, so rows without readings tell it.
    """
    pool = pool_shown(pools)
    best = pools[pool] if pool is not None else ()
    rows = sorted(best, key=lambda row: row.trust.badge not in RANKED)[:MOST_MODELS]
    return {result.entry.file for row in rows for result in row.results.values()}


def answers_of(rows: Sequence[Row], pool: Pool, tasks: Sequence[Task]) -> KeptExamples:
    """The answers of a pool's rows to all items of its bundled suite."""
    models: dict[str, tuple[str, ...]] = {}
    found: dict[str, dict[str, tuple[Answer, ...]]] = {}
    for task in tasks:
        answered = [
            (row.name, result)
            for row in rows
            if (result := row.results.get(task.name)) is not None
            and result.reading.answers is not None
        ]
        models[task.name] = tuple(name for name, _ in answered)
        found[task.name] = _answers(items_of(task, pool.suite) or {}, answered)
    return KeptExamples(models, found)


def exhibition(kept: KeptExamples, pool: Pool, tasks: Sequence[Task]) -> Exhibition:
    """The items that any model has answered, by task and sub-task, in the task's order."""
    found: dict[str, dict[str, tuple[Example, ...]]] = {}
    for task in tasks:
        groups: dict[str, list[Example]] = defaultdict(list)
        answers = kept.answers[task.name]
        for item in (items_of(task, pool.suite) or {}).values() if answers else ():
            if item.id in answers:
                groups[item.subtask].append(Example(item, _gold(item), answers[item.id]))
        found[task.name] = {subtask: tuple(examples) for subtask, examples in groups.items()}
    return Exhibition(pool, kept.models, found)


def _answers(
    items: Mapping[str, Item], answered: Sequence[tuple[str, Result]]
) -> dict[str, tuple[Answer, ...]]:
    found = {
        item.id: tuple(
            _answer(item, name, scores, result.entry.record)
            for name, result in answered
            if (scores := (result.reading.answers or {}).get(item.id)) is not None
        )
        for item in items.values()
    }
    return {item: answers for item, answers in found.items() if answers}


def _gold(item: Item) -> frozenset[int]:
    if item.query is Query.MATCHING:
        return frozenset(i * len(item.texts) + j for i, j in enumerate(item.gold))
    return frozenset(item.gold)


def _answer(item: Item, row: str, scores: ItemScores, record: ResultRecord) -> Answer:
    flat = scores.matrix.reshape(-1)
    values = tuple(flat.tolist())
    high = max(values)
    picked = [i for i, v in enumerate(values) if v == high and item.query in _RETRIEVAL]
    verdict, right = _verdict(item, scores.matrix, record)
    return Answer(row, values, frozenset(picked), verdict, right, _lead(item, flat), scores.curve)


def _lead(item: Item, flat: Matrix) -> float | None:
    if item.query not in _RETRIEVAL or flat.size < 2:  # noqa: PLR2004 # nothing to choose
        return None
    gold, spread = item.gold[0], float(flat.std())
    return float(flat[gold] - np.delete(flat, gold).max()) / spread if spread else 0.0


def _verdict(item: Item, matrix: Matrix, record: ResultRecord) -> tuple[str, bool | None]:
    if item.query is Query.ASSOCIATION:
        first = list(item.gold)
        rest = [j for j in range(len(item.texts)) if j not in item.gold]
        phi = float(matrix[0, first].mean() - matrix[0, rest].mean())
        return f"pleasant less unpleasant {phi:.3g}", None
    if item.query is Query.MATCHING:
        named = pair_credits(matrix)._asdict()
        texts = [f"{name} {'right' if c.strict == 1 else 'tie' if c.lenient == 1 else 'wrong'}"
                 for name, c in named.items()]  # fmt: skip
        return ", ".join(texts), named["group"].strict == 1
    line = matrix[0, :] if item.query is Query.TEXT_RETRIEVAL else matrix[:, 0]
    every = recall_credits(line, np.array(item.gold[0]))
    credit = every.one()
    if credit.strict == 1:
        return "right", True
    if credit.lenient == 1:
        counts = float(by_rule(every, tie_rule(record.task.compat)))
        return f"tie, counts {counts:.2g}", None
    rank = int(np.count_nonzero(line > line[item.gold[0]])) + 1
    return f"wrong, right one is no. {rank}", False
