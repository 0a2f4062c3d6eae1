"""Two published models, measure by measure: better, worse, undecided, or nothing to test with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gdbench.leaderboard.judge.published.figures import Cited, PublishedModel
from gdbench.leaderboard.judge.published.measures import Measured
from gdbench.metrics.adjust import holm
from gdbench.metrics.proportions import IndependentDifference, share_difference
from gdbench.numbers import SHARE

LEVEL = 0.05
Outcome = Literal["better", "worse", "undecided", "untested"]


@dataclass(frozen=True)
class Verdict:
    """First against second on one measure."""

    measure: Measured
    first: Cited
    second: Cited
    difference: IndependentDifference | None
    """None where an n is not known, or the measure is no share; else its p-value is adjusted over
    all measures of the comparison (Holm 1979)."""

    @property
    def outcome(self) -> Outcome:
        """What the numbers allow to say of the first."""
        if self.difference is None:
            return "untested"
        if not self.difference.significant(LEVEL):
            return "undecided"
        return "better" if self.difference.difference > 0 else "worse"

    @property
    def below_chance(self) -> tuple[bool, bool]:
        """Whether the first, and the second, are surely below chance."""
        first, second = (surely_below(c, self.measure) for c in (self.first, self.second))
        return first, second


def surely_below(cited: Cited, measure: Measured) -> bool:
    """Whether the whole interval lies below chance."""
    return measure.chance is not None and cited.estimate.below(measure.chance)


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


def with_outcome(found: Sequence[Verdict], outcome: Outcome) -> tuple[Verdict, ...]:
    """Those of one outcome, the largest differences first."""
    chosen = [v for v in found if v.outcome == outcome]
    return tuple(
        sorted(chosen, key=lambda v: -abs(v.difference.difference if v.difference else 0.0))
    )
