"""What a test can see: detectable differences, and the items and samples that precision takes."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from gdbench.metrics.intervals import LEVEL, AdjustedDifference

POWER = 0.8
_MOST_TERMS = 400  # numbers of discordant items that are summed over


def mcnemar_power(n: int, discordant: float, difference: float, level: float = LEVEL) -> float:
    """Probability that McNemar's exact test over `n` independent items finds a difference.

    `discordant` is the probability that two models differ on an item, at least `difference`.
    Summed over the binomial number of discordant items (Duffy 1984), of which up to 400 evenly
    spaced ones in the middle 1 - 1e-8 are looked at.
    """
    low, high = (int(stats.binom.ppf(q, n, discordant)) for q in (5e-9, 1 - 5e-9))
    m = np.arange(low, high + 1, max(1, (high - low) // _MOST_TERMS))
    weight = stats.binom.pmf(m, n, discordant)
    # the largest k with 2 P(X <= k) <= 1 - level rejects, and so does m - k
    k = np.asarray(stats.binom.ppf((1 - level) / 2, m, 0.5))
    k = k - (2 * stats.binom.cdf(k, m, 0.5) > 1 - level)
    better = (discordant + difference) / (2 * discordant)
    found = stats.binom.cdf(k, m, better) + stats.binom.sf(m - k - 1, m, better)
    return float((weight * found).sum() / weight.sum())


def detectable_mcnemar(
    n: int, discordant: int, level: float = LEVEL, power: float = POWER
) -> float:
    """Smallest true difference that McNemar's exact test finds with probability `power`.

    For models that differ on as many items as these two do, or on just those that the difference
    takes. 1 where even a difference of 1 would not be found.
    """
    share = max(discordant, 1) / n

    def lack(difference: float) -> float:
        return mcnemar_power(n, max(share, difference), difference, level) - power

    if lack(1.0) < 0:
        return 1.0
    return float(brentq(lack, 1e-9, 1.0, xtol=1e-4))


def detectable_adjusted(
    test: AdjustedDifference, level: float = LEVEL, power: float = POWER, limit: float = 1.0
) -> float:
    """Smallest true difference that the test finds with probability `power`, at most `limit`."""
    df = test.found.df
    least = float(stats.t.isf((1 - level) / 2, df)) * test.standard_error
    spread = math.sqrt(max(test.found.variance, test.found.cluster_weight * test.event))
    return min(limit, least + float(stats.t.ppf(power, df)) * spread)


def items_for(n: int, half_width: float, wanted: float) -> int:
    """Items of the same kind that make a 95 % interval about as narrow as `wanted` to each side.

    `half_width` is that of `n` items; it falls with the square root of their number.
    """
    return math.ceil(n * (half_width / wanted) ** 2)


def samples_for(samples: int, to_halve: int | None, error: float, wanted: float) -> int | None:
    """Noise samples that bring a Monte-Carlo standard error down to `wanted`.

    `error` is that of `samples`, and `to_halve` its `samples_to_halve_noise`: the error falls with
    the samples to the power of -ln 2 / ln(to_halve / samples). None where more samples do not help
    (`to_halve` is None). `samples` where the error is small enough.
    """
    if error <= wanted:
        return samples
    if to_halve is None:
        return None
    rate = math.log(2) / math.log(to_halve / samples)
    return math.ceil(samples * math.pow(error / wanted, 1 / rate))
