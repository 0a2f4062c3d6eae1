"""Items with every model's answer, as values for the example pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gdbench.leaderboard.judge.evidence import items_of
from gdbench.leaderboard.judged.board import Board, PoolBoard, Row
from gdbench.leaderboard.judged.reading import ItemScores
from gdbench.leaderboard.judged.trust import RANKED
from gdbench.metrics.matching import pair_credits, recall_credits
from gdbench.metrics.measures import by_rule, tie_rule
from gdbench.protocol import Item, Matrix, Query
from gdbench.records import ResultRecord
from gdbench.tasks.base import BUNDLED, Task

MOST_MODELS = 12
_LEVELS = 9


@dataclass(frozen=True)
class Mark:
    """One score of a line: how it prints, how dark it is, whether it is the highest."""

    text: str
    style: str


@dataclass(frozen=True)
class Answer:
    """One model's answer to an item."""

    row: Row
    marks: tuple[Mark, ...]
    verdict: str
    """In words."""
    right: bool | None
    """None: half right, or nothing to be right about."""
    lead: float | None = None
    """Score of the right candidate less the best wrong one, in standard deviations of the item's
    scores; None where there is no one right candidate."""


@dataclass(frozen=True)
class Example:
    """An item with the answers."""

    item: Item
    heads: tuple[str, ...]
    gold: frozenset[int]
    """Which of the heads are right."""
    answers: tuple[Answer, ...]

    @property
    def split(self) -> int:
        """How far the models disagree: as many as are in the smaller camp of right and wrong."""
        return min(sum(a.right is side for a in self.answers) for side in (True, False))

    @property
    def lead(self) -> float | None:
        """Mean lead of the right candidate over the models."""
        known = [a.lead for a in self.answers if a.lead is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Source:
    """A model's scores of one task by item."""

    row: Row
    record: ResultRecord
    scores: Mapping[str, ItemScores]


def pool_shown(board: Board) -> PoolBoard | None:
    """The first pool of the oldest bundled suite that is there: whole suites before parts.

    The textures of the newer one take four times the space, which a committed board would carry.
    """
    pools = [p for suite in reversed(BUNDLED) for p in board.pools if p.pool.suite == suite]
    return next(iter(pools), None)


def exhibited(board: Board) -> set[Path]:
    """The records whose answers are shown: those of the best audited models, then others.

    Rows stand in the order of their records' scores, so a board without readings tells it.
    """
    pool = pool_shown(board)
    best = pool.rows if pool is not None else ()
    rows = sorted(best, key=lambda row: row.trust.badge not in RANKED)[:MOST_MODELS]
    return {result.entry.file for row in rows for result in row.results.values()}


def sources(board: PoolBoard, task: Task) -> list[Source]:
    """The models whose scores are there, best first, with errors where they were logged."""
    found = []
    for row in board.rows:
        result = row.results.get(task.name)
        if result is not None and result.reading.answers is not None:
            found.append(Source(row, result.entry.record, result.reading.answers))
    return found


def shown_items(board: PoolBoard, task: Task, found: Sequence[Source]) -> dict[str, list[Item]]:
    """Items that any model has answered, by sub-task, in the task's order."""
    known = items_of(task, board.pool.suite) or {}
    answered = {item for source in found for item in source.scores}
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in known.values():
        if item.id in answered:
            groups[item.subtask].append(item)
    return dict(groups)


def example(item: Item, found: Sequence[Source]) -> Example:
    """An item with the answers of the models that have one."""
    answers = [_answer(item, s) for s in found if item.id in s.scores]
    if item.query is Query.MATCHING:
        heads = tuple(
            f"{i + 1}{chr(97 + j)}" for i, j in np.ndindex(len(item.images), len(item.texts))
        )
        gold = frozenset(i * len(item.texts) + j for i, j in enumerate(item.gold))
    else:
        n = max(len(item.images), len(item.texts))
        letters = item.query is not Query.IMAGE_RETRIEVAL
        heads = tuple(_letter(i) if letters else str(i + 1) for i in range(n))
        gold = frozenset(item.gold)
    return Example(item, heads, gold, tuple(answers))


def _letter(index: int) -> str:
    """Letters from a to z, then aa, ab and so on."""
    first, second = divmod(index, 26)
    return (chr(96 + first) if first else "") + chr(97 + second)


def _answer(item: Item, source: Source) -> Answer:
    matrix = source.scores[item.id].matrix
    flat = matrix.reshape(-1)
    low, high = float(flat.min()), float(flat.max())
    best = high if item.query in (Query.TEXT_RETRIEVAL, Query.IMAGE_RETRIEVAL) else None
    marks = tuple(
        Mark(_short(float(v)), _style(float(v), low, high, picked=best is not None and v == best))
        for v in flat
    )
    verdict, right = _verdict(item, matrix, source.record)
    return Answer(source.row, marks, verdict, right, _lead(item, flat))


def _lead(item: Item, flat: Matrix) -> float | None:
    if item.query not in (Query.TEXT_RETRIEVAL, Query.IMAGE_RETRIEVAL) or flat.size < 2:  # noqa: PLR2004 # nothing to choose
        return None
    gold, spread = item.gold[0], float(flat.std())
    return float(flat[gold] - np.delete(flat, gold).max()) / spread if spread else 0.0


def _style(value: float, low: float, high: float, *, picked: bool) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return f"q{round(share * _LEVELS)}{' pick' if picked else ''}"


def _short(value: float) -> str:
    """Three significant digits, a real minus sign."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _verdict(item: Item, matrix: Matrix, record: ResultRecord) -> tuple[str, bool | None]:
    if item.query is Query.ASSOCIATION:
        first = list(item.gold)
        rest = [j for j in range(len(item.texts)) if j not in item.gold]
        phi = float(matrix[0, first].mean() - matrix[0, rest].mean())
        return f"pleasant less unpleasant {_short(phi)}", None
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


def curves(item: Item, source: Source) -> dict[str, object] | None:
    """An item's curve as the script of the page draws it; None where there is none."""
    answer = source.scores.get(item.id)
    if answer is None or answer.curve is None:
        return None
    curve = answer.curve
    return {
        "t": list(curve.timesteps),
        "v": curve.values.tolist(),
        "u": float(f"{curve.unit:.3g}"),
    }
