"""The Monte-Carlo error against what repeating the experiment with new noise gives."""

from types import SimpleNamespace

import numpy as np
import pytest

from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.measures import Recall
from gdbench.metrics.montecarlo import extrapolate, group_weights, noise_errors, replicate_scores
from gdbench.metrics.summary import summarise
from gdbench.protocol import Scores
from gdbench.records import ModelSettings

ACC = Recall("acc", ("s",))


def errors_of(gaps, timesteps, rng, *, shared=False):
    """Errors of one image and two texts: smooth in the timestep, noise of each item or shared."""
    trend = 10 + np.linspace(0, 5, timesteps)
    found = []
    noise = rng.normal(size=(1 if shared else len(gaps), 2, timesteps))
    noise = np.broadcast_to(noise, (len(gaps), 2, timesteps))
    for gap, own in zip(gaps, noise, strict=True):
        e = trend + own
        e[1] += gap
        found.append(SimpleNamespace(errors=e[None].astype(np.float32), unconditional_errors=None))
    return found


def accuracy(found):
    return np.mean([score_matrix(f.errors, None, normalise=False).argmax() == 0 for f in found])


@pytest.mark.parametrize("shared", [False, True])
def test_standard_error_is_that_of_repeated_runs(retrieval, shared):
    rng = np.random.default_rng(1)
    gaps = rng.normal(0.3, 0.3, 200)
    labels, _ = retrieval(np.zeros((200, 2)))
    repeated, estimated = [], []
    for _ in range(60):
        found = errors_of(gaps, 16, rng, shared=shared)
        repeated.append(accuracy(found))
        ((_, noise),) = noise_errors([ACC], labels, found)
        estimated.append(noise.se)
    assert np.mean(estimated) == pytest.approx(np.std(repeated), rel=0.3)


def test_the_rate_of_decrease_decides_how_many_samples_halve_it(retrieval):
    """Noise that all items share moves a mean (b = 1), items' own noise flips items (b = 1/2)."""
    assert extrapolate(4.0, 2.0, 16).samples_to_halve == 64
    assert extrapolate(2**0.5, 1.0, 16).samples_to_halve == 256
    assert extrapolate(4.0, 2.0, 16).se == pytest.approx(1.0)
    assert extrapolate(1.0, 1.0, 16).samples_to_halve is None
    assert extrapolate(1.0, 1.0, 16).se == pytest.approx(1.0)
    rng = np.random.default_rng(2)
    gaps = rng.normal(0.3, 0.3, 400)
    spread = [np.std([accuracy(errors_of(gaps, t, rng)) for _ in range(80)]) for t in (8, 128)]
    assert spread[0] / spread[1] == pytest.approx(2, rel=0.25)


def test_quarters_deal_out_neighbouring_timesteps():
    timesteps = (500, 10, 900, 300, 700, 100, 800, 950, 1)
    weights = group_weights(9, timesteps, 4, replicates=10)
    assert weights.shape == (10, 4, 9)
    assert (weights.sum(axis=2) == 2).all()
    for stratum in ([8, 1, 5, 3], [0, 4, 6, 2]):
        assert (weights[:, :, stratum].sum(axis=2) == 1).all()
    assert not weights[:, :, 7].any()


@pytest.mark.parametrize("norm", ["l2", "mse"])
def test_full_replicates_rank_like_the_scores(norm):
    rng = np.random.default_rng(3)
    item = Scores(
        "a",
        np.zeros((3, 4)),
        rng.uniform(5, 9, (3, 4, 10)).astype(np.float32),
        rng.uniform(5, 9, (3, 10)).astype(np.float32),
    )
    item.errors[0, 1, 6:] = np.nan  # stopped early
    settings = ModelSettings(norm=norm, normalise=True)
    found = replicate_scores(item, np.ones((1, 10), dtype=np.float32), settings)[0]
    logged = score_matrix(item.errors, item.unconditional_errors, norm=norm, latent_size=16)
    np.testing.assert_allclose(found, logged * (16 if norm == "mse" else 1), rtol=1e-5)


def test_it_stands_in_the_record_beside_the_interval_over_items(retrieval):
    rng = np.random.default_rng(4)
    labels, _ = retrieval(np.zeros((50, 2)))
    found = errors_of(rng.normal(0.3, 0.3, 50), 10, rng)
    matrices = [score_matrix(f.errors, None, normalise=False) for f in found]
    (metric,) = summarise([ACC], labels, matrices, errors=lambda: found)
    assert 0 < metric.noise_se < 0.5
    (without,) = summarise([ACC], labels, matrices)
    assert without.noise_se is None
    assert (without.low, without.high) == (metric.low, metric.high)


def test_noise_that_flips_no_item_is_none_and_few_items_measure_nothing(retrieval):
    rng = np.random.default_rng(6)
    labels, _ = retrieval(np.zeros((50, 2)))
    ((_, noise),) = noise_errors([ACC], labels, errors_of(np.full(50, 20.0), 10, rng))
    assert (noise.se, noise.samples_to_halve) == (0.0, None)
    labels, _ = retrieval(np.zeros((19, 2)))
    assert list(noise_errors([ACC], labels, errors_of([0.3] * 19, 10, rng))) == []


def test_near_chance_it_does_not_fall_with_the_samples(retrieval):
    """Stated against true, root mean square over 60 seeds; every item is a coin."""
    rng = np.random.default_rng(7)
    labels, _ = retrieval(np.zeros((100, 2)))
    for timesteps in (10, 20, 50):
        stated = []
        for _ in range(60):
            found = errors_of(np.zeros(100), timesteps, rng)
            ((_, noise),) = noise_errors([ACC], labels, found)
            stated.append(noise.se**2)
        assert 0.9 <= np.sqrt(np.mean(stated)) / 0.05 <= 1.15


def test_too_few_timesteps_say_nothing(retrieval):
    labels, _ = retrieval(np.zeros((5, 2)))
    rng = np.random.default_rng(5)
    assert list(noise_errors([ACC], labels, errors_of([0.3] * 5, 7, rng))) == []
