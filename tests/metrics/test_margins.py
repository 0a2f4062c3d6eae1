import numpy as np
import pytest
from scipy.stats import ttest_rel

from gdbench.metrics.margins import margin
from gdbench.protocol import Scores


def _scores(errors, base=None):
    return Scores("i", -np.nanmean(errors, axis=2), errors, base)


def test_the_margin_is_a_paired_t_statistic_with_the_finite_population_correction():
    errors = np.random.default_rng(0).normal(10, 1, (1, 3, 12)).astype(np.float32)
    best, second = np.argsort(errors[0].mean(axis=1))[:2]
    found = margin(_scores(errors), 48)
    t = ttest_rel(errors[0, second].astype(float), errors[0, best].astype(float)).statistic
    assert found.standard_errors == pytest.approx(t / np.sqrt(1 - 12 / 48))
    assert (found.passes, found.full_passes) == (36, 144)


def test_dropped_samples_are_not_counted_and_unconditional_ones_are():
    errors = np.ones((2, 1, 8), np.float32)
    errors[1] = 2
    errors[1, 0, 4:] = np.nan
    base = np.zeros((2, 8), np.float32)
    base[1, 4:] = np.nan
    found = margin(Scores("i", np.array([[-1.0], [-2.0]]), errors, base), 8)
    assert (found.passes, found.full_passes, found.margin) == (8 + 4 + 8 + 4, 32, 1.0)


def test_the_closest_of_the_four_comparisons_decides_in_a_square():
    rng = np.random.default_rng(2)
    errors = rng.normal(5, 0.1, (2, 2, 16)).astype(np.float32)
    errors[0, 1] += 2  # against both texts of image 0, and both images of text 1
    errors[1, 0] += 1
    errors[1, 1] += 0.5  # image 1: its texts are closest
    found = margin(_scores(errors), 64)
    expected = errors[1, 0].astype(float) - errors[1, 1]
    assert found.margin == pytest.approx(expected.mean())
    t = ttest_rel(errors[1, 0].astype(float), errors[1, 1].astype(float)).statistic
    assert found.standard_errors == pytest.approx(t / np.sqrt(1 - 16 / 64))


def test_nothing_is_left_to_chance_on_the_full_budget():
    errors = np.random.default_rng(1).normal(size=(1, 2, 8)).astype(np.float32)
    assert margin(_scores(errors), 8).standard_errors is None


def test_an_item_without_errors_is_refused():
    with pytest.raises(ValueError, match="no per-timestep errors"):
        margin(Scores("i", np.zeros((1, 2))), 8)
