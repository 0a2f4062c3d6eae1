import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.prefixes import fill_dropped


def test_a_dropped_candidate_keeps_its_distance_to_the_best_of_those_kept():
    errors = np.array([[1.0, 2, 9, 9], [2, 4, np.nan, np.nan], [5, 6, 9, 13]])
    filled = fill_dropped(errors)
    np.testing.assert_array_equal(filled[[0, 2]], errors[[0, 2]])
    np.testing.assert_allclose(filled[1].mean() - filled[0].mean(), 1.5)


def test_weights_weigh_the_differences_too():
    errors = np.array([[1.0, 2, 9], [2, 4, np.nan]])
    weights = np.array([3.0, 1, 2])
    filled = fill_dropped(errors, weights)
    behind = np.average(filled[1], weights=weights) - np.average(filled[0], weights=weights)
    assert behind == pytest.approx((3 * 1 + 1 * 2) / 4)


def test_what_nobody_was_evaluated_at_stays_unknown():
    errors = np.array([[1.0, 2, np.nan], [2, np.nan, np.nan]])
    filled = fill_dropped(errors)
    assert np.isnan(filled[:, 2]).all()
    assert not np.isnan(filled[:, :2]).any()


@pytest.mark.parametrize("row", [[np.nan, 1.0], [np.nan, np.nan]])
def test_only_prefixes_are_accepted(row):
    with pytest.raises(ValueError, match="prefix"):
        fill_dropped(np.array([[1.0, 2.0], row]))


def test_as_many_stay_ahead_as_were_ahead_when_it_left():
    """The one that was last of three when it left does not overtake who fell back later."""
    errors = np.array([[1.0, 1, 1, 1], [2, 2, 9, 9], [3, 3, np.nan, np.nan]])
    totals = fill_dropped(errors).mean(axis=1)
    assert totals[2] > totals[1]
    errors = np.array([[1.0, 1, np.nan, np.nan], [2, 2, 1, 1], [3, 3, -9, -9]])
    totals = fill_dropped(errors).mean(axis=1)
    assert totals[0] < totals.min(initial=9, where=[False, True, True])


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.booleans())
def test_the_rank_among_those_that_stay_is_kept(seed, candidates, weigh):
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(candidates, 12)) * rng.uniform(0.1, 3, 12)
    weights = rng.uniform(0.1, 2, 12) if weigh else np.ones(12)
    lengths = rng.choice([4, 8, 12], candidates)
    lengths[0] = 12
    for row, n in zip(errors, lengths, strict=True):
        row[n:] = np.nan
    filled = fill_dropped(errors, weights)
    assert np.isfinite(filled).all()
    totals = np.average(filled, axis=1, weights=weights)
    for row, n in enumerate(lengths):
        stayed = [other for other in range(candidates) if lengths[other] > n]
        means = np.average(errors[:, :n], axis=1, weights=weights[:n])
        ahead = (means[stayed] < means[row]).sum()
        assert (totals[stayed] < totals[row]).sum() == ahead


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_who_was_dropped_never_wins(seed, candidates):
    """Whatever comes later, the ones dropped as worse than the leader stay behind a survivor."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(candidates, 12)) * rng.uniform(0.1, 3, 12)
    alive = np.arange(candidates)
    for look in (4, 8):
        means = errors[alive, :look].mean(axis=1)
        drop = alive[(means > means.min()) & (rng.random(len(alive)) < 0.5)]
        errors[drop, look:] = np.nan
        alive = np.setdiff1d(alive, drop)
    filled = fill_dropped(errors)
    assert filled.mean(axis=1).argmin() in alive
    scores = score_matrix(errors[None].astype(np.float32), None, normalise=False)[0]
    assert scores.argmax() == errors[alive].astype(np.float32).mean(axis=1).argmin() or (
        scores.argmax() in alive
    )
