"""Intervals of shares: known values, clusters, macro averages, no spread."""

import numpy as np
import pytest
from scipy import stats

from gdbench.metrics.intervals import AdjustedDifference, bonett_price, share_interval, wilson
from gdbench.metrics.measures import Sample
from gdbench.metrics.spread import spread


def sample_of(values, cluster=None, part=None):
    """A sample with these values; by default every item is a cluster of one part."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    cluster = np.arange(n) if cluster is None else np.asarray(cluster)
    part = np.zeros(n, dtype=int) if part is None else np.asarray(part)
    names = tuple(map(str, range(cluster.max() + 1)))
    return Sample(
        tuple(map(str, range(n))), values, values, values, np.zeros(n, bool), values * 0, cluster,
        part, values, names,
    )  # fmt: skip


def interval(values, cluster=None, part=None):
    return share_interval(sample_of(values, cluster, part), np.asarray(values, dtype=float))


def test_wilson_is_scipys_away_from_the_ends():
    mine = wilson(30, 100)
    theirs = stats.binomtest(30, 100).proportion_ci(method="wilson")
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    assert (wilson(0, 10).low, wilson(10, 10).high) == (0.0, 1.0)


def test_one_success_has_the_end_of_a_one_sided_exact_interval():
    exact = stats.binomtest(1, 50, alternative="greater").proportion_ci(0.95, method="exact")
    assert wilson(1, 50).low == pytest.approx(exact.low)


def test_a_single_cluster_has_no_interval():
    assert interval(np.ones(5), np.zeros(5, dtype=int)) is None


def test_repeated_items_change_nothing():
    values, cluster = np.array([1.0, 0, 1, 1, 0, 0.5]), np.arange(6)
    once, thrice = interval(values, cluster), interval(np.tile(values, 3), np.tile(cluster, 3))
    assert (once.low, once.high) == pytest.approx((thrice.low, thrice.high))
    assert interval([1, 0, 1, 1, 0], np.repeat(np.arange(1), 5)) is None
    whole = interval(np.repeat([1.0, 0, 1, 1, 0], 50), np.repeat(np.arange(5), 50))
    assert whole == wilson(3, 5)


def test_no_spread_is_no_certainty():
    found = interval(np.full(30, 0.5))
    assert found.low < 0.4
    assert found.high > 0.6


def test_the_variance_of_a_macro_average_is_that_of_its_strata():
    rng = np.random.default_rng(0)
    part = np.repeat([0, 1], [20, 50])
    values = rng.random(70)
    weight = np.where(part == 0, 0.5 / 20, 0.5 / 50)
    found = spread(values, weight, np.arange(70), part)
    expected = sum(values[part == p].var(ddof=1) / n / 4 for p, n in ((0, 20), (1, 50)))
    assert found.variance == pytest.approx(expected)
    assert found.mean == pytest.approx((values[:20].mean() + values[20:].mean()) / 2)


def test_the_variance_of_a_mean_of_metrics_over_the_same_items_is_that_of_their_sums():
    rng = np.random.default_rng(1)
    a, b = rng.random(40), rng.random(40)
    part, cluster = np.repeat([0, 1], 40), np.tile(np.arange(40), 2)
    found = spread(np.concatenate([a, b]), np.full(80, 1 / 80), cluster, part)
    assert found.variance == pytest.approx(((a + b) / 2).var(ddof=1) / 40)
    assert found.df == pytest.approx(39)


def test_an_adjusted_difference_is_bonett_and_prices_for_independent_items():
    delta = np.array([1.0] * 30 + [-1.0] * 12 + [0.0] * 158)
    found = AdjustedDifference(spread(delta, np.full(200, 1 / 200), np.arange(200)))
    assert found.interval() == pytest.approx(bonett_price(30, 12, 200), abs=2e-3)


def test_test_and_interval_are_two_sides_of_one():
    rng = np.random.default_rng(2)
    for _ in range(200):
        delta = rng.choice([-1.0, 0.0, 0.5, 1.0], 30, p=[0.1, 0.5, 0.1, 0.3])
        found = AdjustedDifference(spread(delta, np.full(30, 1 / 30), np.arange(30) // 2))
        low, high = found.interval()
        assert (low <= 0 <= high) == (found.p_value >= 0.05)
