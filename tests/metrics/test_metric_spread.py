"""The variance of a weighted mean over clusters and strata."""

import numpy as np
import pytest

from gdbench.metrics.spread import spread


def macro(*parts):
    """The spread of the mean of the parts' means, every item a cluster."""
    values = np.concatenate([np.asarray(p, dtype=float) for p in parts])
    part = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    weight = np.concatenate([np.full(len(p), 1 / len(p)) for p in parts]) / len(parts)
    return spread(values, weight, np.arange(len(values)), part)


def textbook(*parts):
    """Variance of a mean of independent means."""
    return sum(np.var(p, ddof=1) / len(p) for p in parts) / len(parts) ** 2


def test_one_part_is_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    found = macro(values)
    assert found.variance == pytest.approx(np.var(values, ddof=1) / 30)
    assert found.df == pytest.approx(29)
    assert (found.cluster_weight, found.added_variance) == pytest.approx((1 / 30, 1 / 900))


def test_items_of_a_cluster_count_as_one():
    rng = np.random.default_rng(0)
    values = rng.normal(size=12)
    once = spread(values, np.full(12, 1 / 12), np.arange(12))
    twice = spread(np.repeat(values, 2), np.full(24, 1 / 24), np.repeat(np.arange(12), 2))
    assert twice.variance == pytest.approx(once.variance)
    assert twice.df == pytest.approx(once.df)


def test_strata_that_are_alike_keep_their_variance():
    rng = np.random.default_rng(0)
    parts = [rng.permutation(np.arange(20.0)) for _ in range(4)]
    assert macro(*parts).variance == pytest.approx(textbook(*parts))


def test_a_small_stratum_without_variance_borrows_some():
    mixed = [0, 1] * 100
    found = macro(mixed, mixed, [1] * 5)
    alone = textbook(mixed, mixed)
    assert found.variance > 1.5 * alone * (2 / 3) ** 2
    # of many clusters that agree it is known that they do
    assert macro(mixed, mixed, [1] * 2000).variance == pytest.approx(
        textbook(mixed, mixed, [1] * 2000), rel=0.01
    )


def test_moderation_never_narrows():
    rng = np.random.default_rng(1)
    for _ in range(100):
        parts = [rng.random(n) < rng.random() for n in rng.integers(2, 30, 5)]
        assert macro(*parts).variance >= textbook(*parts) - 1e-15


def test_the_degrees_of_freedom_are_those_of_the_stratum_that_varies():
    quiet = [1.0] * 500
    found = macro([0, 1] * 5, quiet, quiet)
    assert found.df < 20
    assert macro([0, 1] * 250, [0, 1] * 250).df > 500


def test_without_any_difference_there_is_no_variance():
    found = macro([1] * 5, [1] * 9)
    assert (found.mean, found.variance) == pytest.approx((1, 0))
    assert found.df >= 1


def test_an_added_error_is_of_the_cluster_that_an_item_is_in():
    rng = np.random.default_rng(2)
    size = rng.integers(1, 50, 40)
    cluster = np.repeat(np.arange(40), size)
    n = len(cluster)
    found = spread(rng.random(n), np.full(n, 1 / n), cluster)
    drawn = (size / n)[cluster]
    assert found.cluster_weight == pytest.approx(drawn.mean())
    assert found.added_variance == pytest.approx((drawn**2).mean())
