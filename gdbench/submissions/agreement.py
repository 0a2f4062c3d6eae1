"""Whether a model that was run again gives what was submitted, item by item.

An answer that flips is a difference whatever its size. Everything else is compared with the
numerical spread that the model itself shows on this machine (see `Spread`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.measures import means
from gdbench.protocol import Label, Matrix, Query, Scores
from gdbench.tasks.base import Task

ROUNDING = 1e-5
"""What other processors may do to float32 sums, relative to the largest number that the model gave
for the task: a score near 0 is a sum of numbers as large as those of the other items."""
TIMES_SPREAD = 4.0
"""What another machine may differ by, in spreads of this one."""


@dataclass(frozen=True)
class Spread:
    """How far a model's numbers move with batch shape or precision, relative to their size."""

    scores: float = 0.0
    errors: float = 0.0

    def tolerance(self, size: float, among: float = 0.0, *, errors: bool = False) -> float:
        """The largest difference that is no difference, for numbers of this size.

        `among` is the largest number of the whole task, by which sums are rounded.
        """
        own = self.errors if errors else self.scores
        return TIMES_SPREAD * own * size + ROUNDING * max(size, among)


@dataclass(frozen=True)
class ItemAgreement:
    """One item, submitted and run again."""

    item_id: str
    flipped: bool
    """Whether an answer is another one."""
    difference: float
    """Largest difference between candidates."""
    tolerance: float
    fault: str = ""
    """What else differs: shapes or per-timestep errors."""

    @property
    def agrees(self) -> bool:
        """Whether this item is as it was submitted."""
        return not self.flipped and not self.fault and self.difference <= self.tolerance


def largest(values: NDArray[np.floating]) -> float:
    """The largest magnitude, NaN left aside; 0 for nothing."""
    known = np.abs(values[np.isfinite(values)])
    return float(known.max()) if known.size else 0.0


def size_of(scores: Scores) -> float:
    """The largest number that the scores of an item are made of."""
    parts = (scores.matrix, scores.errors, scores.unconditional_errors)
    return max(largest(part) for part in parts if part is not None)


def between_candidates(query: Query, matrix: Matrix) -> NDArray[np.float64]:
    """What decides: in questions about one picture all scores count up to a constant."""
    exact = matrix.astype(np.float64)
    one_image = query in (Query.TEXT_RETRIEVAL, Query.ASSOCIATION)
    return exact - exact.mean(axis=1, keepdims=True) if one_image else exact


def answers(task: Task, label: Label, matrix: Matrix) -> tuple[object, ...]:
    """Everything that is decided by comparing candidates.

    The best texts of each picture and the best pictures of each text (all of them, where scores
    are equal), as far as the question asks, and the credit under each of the task's metrics.
    """
    found: list[object] = []
    if label.query in (Query.TEXT_RETRIEVAL, Query.MATCHING):
        found += [_best(row) for row in matrix]
    if label.query in (Query.IMAGE_RETRIEVAL, Query.MATCHING):
        found += [_best(column) for column in matrix.T]
    for measure in means(task.measures):
        if measure.part_of(label) is not None:
            credit = measure.credits(label.query, np.array([label.gold]), np.asarray(matrix)[None])
            found.append(tuple(float(np.ravel(value)[0]) for value in credit))
    return tuple(found)


def _best(line: NDArray[np.floating]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(line == line.max()).tolist())


def compare(
    task: Task,
    label: Label,
    submitted: Scores,
    again: Scores,
    spread: Spread,
    among: float = 0.0,
) -> ItemAgreement:
    """One item: its answers, the differences between candidates, and its errors where it has them.

    Errors that one side does not have are not compared; that both have the same numbers of
    timesteps is. `among` is the largest number of the task as it was run again, never of what was
    submitted.
    """
    if submitted.matrix.shape != again.matrix.shape:
        return ItemAgreement(label.id, flipped=True, difference=np.inf, tolerance=0.0)
    before, now = (between_candidates(label.query, s.matrix) for s in (submitted, again))
    return ItemAgreement(
        label.id,
        flipped=answers(task, label, submitted.matrix) != answers(task, label, again.matrix),
        difference=largest(now - before),
        tolerance=spread.tolerance(size_of(again), among),
        fault=_errors(submitted, again, spread),
    )


def _errors(submitted: Scores, again: Scores, spread: Spread) -> str:
    """Why per-timestep errors are not those of the model; empty where they are."""
    pairs = (
        ("errors", submitted.errors, again.errors),
        ("unconditional errors", submitted.unconditional_errors, again.unconditional_errors),
    )
    for name, before, now in pairs:
        if before is None or now is None:
            continue
        if before.shape != now.shape or (np.isnan(before) != np.isnan(now)).any():
            return f"{name} of other timesteps"
        difference = largest(before.astype(np.float64) - now)
        tolerance = spread.tolerance(largest(now), errors=True)
        if difference > tolerance:
            return f"{name} differ by {difference:.3g}, {tolerance:.3g} is noise"
    return ""


def spread_between(
    queries: Sequence[Query], first: Sequence[Scores], second: Sequence[Scores]
) -> Spread:
    """The spread that two runs of the same model over the same items show."""
    scores = errors = 0.0
    for query, a, b in zip(queries, first, second, strict=True):
        x, y = (between_candidates(query, s.matrix) for s in (a, b))
        size = size_of(a)
        if size:
            scores = max(scores, largest(x - y) / size)
        if a.errors is not None and b.errors is not None and (size := largest(a.errors)):
            errors = max(errors, largest(a.errors - b.errors) / size)
    return Spread(scores, errors)
