"""Two published models, measure by measure: better, worse, undecided, or nothing to test with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gdbench.leaderboard.judged.published import Cited, Measured, PublishedModel, Verdict
from gdbench.metrics.adjust import holm
from gdbench.metrics.proportions import IndependentDifference, share_difference
from gdbench.numbers import SHARE


def verdicts(
    first: PublishedModel, second: PublishedModel, measures: Iterable[Measured]
) -> tuple[Verdict, ...]:
    """All measures that both have, in the order given, p-values adjusted over them together."""
    found = [
        Verdict(m, a, b, _difference(m, a, b))
        for m in measures
        if (a := first.best(m.key)) is not None and (b := second.best(m.key)) is not None
    ]
    tested = [v.difference for v in found if v.difference is not None]
    adjusted = iter(holm([d.p_value for d in tested if d.p_value is not None]))
    return tuple(
        v if v.difference is None
        else replace(v, difference=replace(v.difference, p_holm=next(adjusted)))
        for v in found
    )  # fmt: skip


def _difference(measure: Measured, first: Cited, second: Cited) -> IndependentDifference | None:
    n_first, n_second = first.figure.n, second.figure.n
    if measure.unit != SHARE or n_first is None or n_second is None:
        return None
    right = ((first.right or 0) / n_first, (second.right or 0) / n_second)
    return share_difference(right[0], n_first, right[1], n_second, measure.metric)
