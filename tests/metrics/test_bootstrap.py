"""Intervals against scipy and against a bootstrap written as a loop."""

import time

import numpy as np
import pytest
from scipy import stats

from gdbench.metrics.bootstrap import (
    ClusterSums,
    bootstrap_means,
    expanded_quantiles,
    mean_interval,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (213, 400)])
def test_wilson_is_scipy_s(k, n):
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    found = wilson(k, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_independent_zeros_and_ones_get_wilson_s_interval():
    values = np.array([1.0] * 7 + [0.0] * 3)
    found = mean_interval(values, np.arange(10))
    assert found == wilson(7, 10)


def loop_bootstrap(values, cluster, part, resamples, rng):
    out = []
    names = np.unique(cluster)
    for _ in range(resamples):
        rows = np.concatenate([np.flatnonzero(cluster == c) for c in rng.choice(names, len(names))])
        means = [values[rows][part[rows] == p].mean() for p in np.unique(part[rows])]
        out.append(np.mean(means))
    return np.array(out)


@pytest.mark.parametrize("kinds", ["few", "many"])
def test_draws_have_the_distribution_of_a_plain_clustered_bootstrap(kinds):
    rng = np.random.default_rng(2)
    cluster = rng.integers(0, 40, 200)
    cluster = np.unique(cluster, return_inverse=True)[1]
    part = rng.integers(0, 3, 200)
    values = rng.integers(0, 2, 200).astype(float) if kinds == "few" else rng.normal(size=200)
    draws = bootstrap_means(ClusterSums.of(values, cluster, part), resamples=4000, seed=4)
    loop = loop_bootstrap(values, cluster, part, 2000, rng)
    assert draws.mean() == pytest.approx(loop.mean(), abs=0.01)
    assert draws.std() == pytest.approx(loop.std(), rel=0.07)


def test_seeded():
    rng = np.random.default_rng(6)
    values, cluster = rng.normal(size=90), np.arange(90) // 3
    one = mean_interval(values, cluster, seed=1, bounded=False)
    assert one == mean_interval(values, cluster, seed=1, bounded=False)
    assert one != mean_interval(values, cluster, seed=2, bounded=False)


def test_repeating_items_within_their_clusters_changes_nothing():
    rng = np.random.default_rng(8)
    values, cluster = rng.integers(0, 3, 60) / 2, np.arange(60) // 2
    once = mean_interval(values, cluster, seed=3)
    thrice = mean_interval(np.tile(values, 3), np.tile(cluster, 3), seed=3)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_clusters_of_equal_items_count_once():
    values = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], 50)
    assert mean_interval(values, np.repeat(np.arange(5), 50)) == wilson(3, 5)


def test_a_lone_cluster_has_no_interval():
    assert mean_interval(np.ones(5), np.zeros(5, dtype=np.int64)) is None


def test_certainty_is_never_claimed():
    found = mean_interval(np.full(30, 0.5), np.arange(30))  # a constant model on pairs
    assert found.low < 0.35
    assert found.high > 0.65


def test_expansion_matters_for_few_clusters_only():
    draws = np.random.default_rng(0).normal(size=100_000)
    few, many = expanded_quantiles(draws, 5), expanded_quantiles(draws, 10_000)
    assert few[0] < many[0]
    assert many[1] == pytest.approx(1.96, abs=0.03)


def test_25010_items_by_2000_resamples_take_under_five_seconds():
    rng = np.random.default_rng(0)
    values, cluster = rng.normal(size=25_010), np.arange(25_010)
    start = time.process_time()
    draws = bootstrap_means(ClusterSums.of(values, cluster), resamples=2000)
    assert time.process_time() - start < 5
    assert draws.std() == pytest.approx(25_010**-0.5, rel=0.08)
