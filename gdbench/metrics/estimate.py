"""Numbers with an interval: those of a record, and means of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gdbench.records import MetricValue, ResultRecord


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval where there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def half_width(self) -> float | None:
        """The larger distance of the two ends from the value."""
        if self.bounds is None:
            return None
        return max(self.value - self.bounds[0], self.bounds[1] - self.value, 0.0)

    def above(self, value: float) -> bool:
        """Whether the whole interval lies above a value; False without an interval."""
        return self.low is not None and self.low > value

    def below(self, value: float) -> bool:
        """Whether the whole interval lies below a value; False without an interval."""
        return self.high is not None and self.high < value


def of_metric(metric: MetricValue) -> Estimate:
    """A metric of a record."""
    return Estimate(metric.value, metric.low, metric.high)


def _mean(estimates: Sequence[Estimate]) -> float:
    return math.fsum(e.value for e in estimates) / len(estimates)


def of_score(record: ResultRecord, primary: Sequence[MetricValue]) -> Estimate:
    """The score of a record, the mean of its primary metrics.

    Records that were made before scores had intervals have one where one metric is the score.
    """
    if len(primary) == 1:
        return of_metric(primary[0])
    return Estimate(_mean([of_metric(m) for m in primary]), record.score_low, record.score_high)


def mean_independent(estimates: Sequence[Estimate]) -> Estimate:
    """Mean over tasks, whose items have nothing in common: distances add in quadrature.

    "MOVER" (Zou and Donner 2008): it keeps the ends' different distances near 0 and 1.
    """
    bounds = [(e.value, *e.bounds) for e in estimates if e.bounds is not None]
    mean = _mean(estimates)
    if len(bounds) < len(estimates):
        return Estimate(mean)
    below = math.hypot(*(value - low for value, low, _ in bounds)) / len(bounds)
    above = math.hypot(*(high - value for value, _, high in bounds)) / len(bounds)
    return Estimate(mean, mean - below, mean + above)
