"""Whether a number of ours is the authors': a test on the difference of two independent runs.

Both ran on items of one task, partly the same ones; which ones the authors' runs had is not known.
They are compared as independent samples, which claims less than a paired test would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scipy import stats

from gdbench.data.published import Figure
from gdbench.metrics.adjust import holm
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import LEVEL, wilson
from gdbench.records import MetricValue

Verdict = Literal["agrees", "differs", "cannot tell"]
SHARE_MARGIN, EFFECT_MARGIN = 0.05, 0.2
"""Differences below which two numbers are called equal: 5 points, 0.2 of an effect size."""
_EQUIVALENCE = 0.9  # level of the interval that two one-sided tests at 5 % make (Schuirmann 1987)
_Z = float(stats.norm.isf((1 - LEVEL) / 2))
_PICTURES = 500  # of two groups of MMBias, as published
_LARGEST = 3.99  # square of an effect size; 4 is that of two groups that do not overlap at all


@dataclass(frozen=True)
class Quantity:
    """A number and how far it is known."""

    value: float
    interval: Estimate
    """The value with its 95 % interval, where there is one."""
    centre: float
    """What is compared: the value, of a share with one item of each kind added to its items."""
    error: float | None
    """Standard error of `centre`; None: not known."""
    n: float
    """Effective number of items behind it."""


@dataclass(frozen=True)
class Agreement:
    """What a test says of two numbers."""

    difference: float
    """Ours minus theirs."""
    low: float | None
    high: float | None
    """95 % interval of the difference; None where the authors' number of items is not known."""
    p_value: float | None
    """Two-sided, adjusted for all rows that were judged together (Holm)."""
    verdict: Verdict


def of_figure(figure: Figure) -> Quantity:
    """A published number; repeated items count once. Effect sizes: of 500 pictures if not said."""
    if figure.direction == "association":
        n = figure.n or _PICTURES
        error = _effect_error(figure.value, n)
        half = _Z * error
        ends = Estimate(figure.value, figure.value - half, figure.value + half)
        return Quantity(figure.value, ends, figure.value, error, n)
    if figure.n is None:
        return Quantity(figure.value, Estimate(figure.value), figure.value, None, 0)
    return share(figure.value, figure.n - (figure.repeated or 0))


def of_metric(metric: MetricValue) -> Quantity:
    """A number of a record; its interval tells how many independent items stand behind it."""
    value = metric.value
    known = None if metric.low is None or metric.high is None else (metric.low, metric.high)
    error = None if known is None else (known[1] - known[0]) / (2 * _Z)
    own = Estimate(value, *known) if known else Estimate(value)
    if metric.strict is None:
        return Quantity(value, own, value, error, metric.n)
    n: float = metric.n_clusters or metric.n
    if error and 0 < value < 1:
        n = min(metric.n, value * (1 - value) / error**2)
    found = share(value, n)
    if known is not None:
        found = replace(found, interval=own)
    # the authors' noise was as large, as far as anybody can say: ours is counted for both
    noise = math.sqrt(2) * (metric.noise_se or 0.0)
    return replace(found, error=math.hypot(found.error or 0.0, noise))


def share(value: float, n: float) -> Quantity:
    """A share of `n` items: with one right and one wrong one added (Agresti and Caffo 2000)."""
    ends = wilson(value * n, n)
    p = (value * n + 1) / (n + 2)
    error = math.sqrt(p * (1 - p) / (n + 2))
    return Quantity(value, Estimate(value, ends.low, ends.high), p, error, n + 2)


def _effect_error(value: float, n: int) -> float:
    """Standard error of an effect size of two groups of n / 2 pictures each.

    That of Cohen's d (Hedges and Olkin 1985, chapter 5), carried over to a difference that is
    divided by the deviation of all pictures together: d / sqrt(1 + d^2 / 4).
    """
    square = min(value**2, _LARGEST)
    shrunk = 1 - square / 4
    return math.sqrt((4 / n + square / shrunk / (2 * n)) * shrunk * shrunk * shrunk)


def judged(pairs: Sequence[tuple[Quantity, Quantity]], margins: Sequence[float]) -> list[Agreement]:
    """What can be said of each pair (theirs, ours), all of them looked at together.

    *differs*: the difference is not zero (Welch's t-test at 5 %, adjusted by Holm's method).
    *agrees*: it is not larger than the margin (two one-sided tests at 5 %). *cannot tell*:
    neither is shown; too few items, or nobody knows how many the authors had.
    """
    found = [_difference(theirs, ours) for theirs, ours in pairs]
    tested = [i for i, one in enumerate(found) if one.p_value is not None]
    adjusted = holm([p for one in found if (p := one.p_value) is not None])
    for place, p in zip(tested, adjusted, strict=True):
        verdict: Verdict = "cannot tell"
        if p <= 1 - LEVEL:
            verdict = "differs"
        elif _within(*pairs[place], margins[place]):
            verdict = "agrees"
        found[place] = replace(found[place], p_value=p, verdict=verdict)
    return found


def _difference(theirs: Quantity, ours: Quantity) -> Agreement:
    difference = ours.value - theirs.value
    ends = _interval(theirs, ours, LEVEL)
    if ends is None:
        return Agreement(difference, None, None, None, "cannot tell")
    a, b = _whole(ours), _whole(theirs)
    test = stats.ttest_ind_from_stats(
        ours.centre, (ours.error or 0.0) * math.sqrt(a), a,
        theirs.centre, (theirs.error or 0.0) * math.sqrt(b), b, equal_var=False,
    )  # fmt: skip
    return Agreement(difference, *ends, float(test.pvalue), "cannot tell")


def _whole(one: Quantity) -> int:
    """The effective number of items as a whole one, for the degrees of freedom."""
    return max(2, round(one.n))


def _within(theirs: Quantity, ours: Quantity, margin: float) -> bool:
    ends = _interval(theirs, ours, _EQUIVALENCE)
    return ends is not None and -margin <= ends[0] and ends[1] <= margin


def _interval(theirs: Quantity, ours: Quantity, level: float) -> tuple[float, float] | None:
    """Of ours minus theirs, with Welch's degrees of freedom; None where an error is not known."""
    if not theirs.error or not ours.error:
        return None
    a, b = ours.error**2, theirs.error**2
    df = (a + b) ** 2 / (a**2 / (_whole(ours) - 1) + b**2 / (_whole(theirs) - 1))
    half = float(stats.t.isf((1 - level) / 2, df)) * math.sqrt(a + b)
    middle = ours.centre - theirs.centre
    return middle - half, middle + half
