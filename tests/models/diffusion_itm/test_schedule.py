import hashlib

import numpy as np
import pytest
import torch

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.schedule import (
    AntitheticNoise,
    IndependentNoise,
    NoiseBank2023,
    grid_timesteps,
    nested_timesteps,
)


@pytest.mark.parametrize(
    ("samples", "count"), [(10, 10), (50, 49), (100, 98), (200, 196), (250, 245), (300, 327)]
)
def test_grid_has_the_published_lengths(samples, count):
    grid = grid_timesteps(samples)
    assert len(grid) == count
    assert grid[0] == 10
    assert grid[-1] <= 989


def test_every_budget_is_a_prefix_of_every_larger_one():
    longest = nested_timesteps(980)
    assert sorted(longest) == list(range(10, 990))
    for samples in (1, 10, 50, 250, 979):
        assert nested_timesteps(samples) == longest[:samples]


def test_any_prefix_is_stratified():
    order = np.array(nested_timesteps(980)) - 10
    for width in (1024, 512, 256, 128, 64, 32, 16, 8):
        strata = -(-980 // width)
        assert sorted(order[:strata] // width) == list(range(strata))
    for n in range(8, 260):  # in between: the star discrepancy stays of the order log(n) / n
        points = np.sort(order[:n]) / 980
        discrepancy = np.abs(points - (np.arange(n) + 0.5) / n).max()
        assert discrepancy < (np.log2(n) + 2) / n


def test_the_budget_of_250_begins_with_the_release_grid():
    assert set(nested_timesteps(245)) == set(grid_timesteps(250))


@pytest.mark.parametrize(("make", "bad"), [(grid_timesteps, 1001), (nested_timesteps, 981)])
def test_impossible_budgets_are_refused(make, bad):
    for samples in (0, -3, bad):
        with pytest.raises(InputError, match=f"--samples {samples}"):
            make(samples)


def test_noise_depends_on_seed_and_timestep_alone():
    one, other = IndependentNoise((4, 8, 8), 3), IndependentNoise((4, 8, 8), 3)
    other.noise(0, 986)
    assert torch.equal(one.noise(0, 10), other.noise(7, 10))
    assert not torch.equal(one.noise(0, 10), one.noise(0, 11))
    assert not torch.equal(one.noise(0, 10), IndependentNoise((4, 8, 8), 4).noise(0, 10))
    assert one.sha256((10, 11)) == other.sha256((10, 11)) != one.sha256((11, 10))


def test_noise_is_standard_normal_and_uncorrelated():
    source = IndependentNoise((4, 16, 16), 0)
    bank = torch.stack([source.noise(0, t) for t in range(10, 110)]).flatten(1)
    assert abs(bank.mean()) < 4 / bank.numel() ** 0.5
    assert abs(bank.var() - 1) < 4 * (2 / bank.numel()) ** 0.5
    correlation = torch.corrcoef(bank) - torch.eye(len(bank))
    assert correlation.abs().max() < 6 / bank.shape[1] ** 0.5


@pytest.mark.parametrize("shape", [(4, 8, 8), (3, 5, 7)])
def test_bank_is_that_of_one_seeded_generator(shape):
    whole = torch.randn((1000, *shape), generator=torch.Generator().manual_seed(5))
    bank = NoiseBank2023(shape, 5, 12)
    for k in range(12):
        assert torch.equal(bank.noise(k, 999), whole[k])


def test_bank_of_seed_0_is_the_published_one():
    bank = NoiseBank2023((4, 64, 64), 0, 10)
    known = "be4af5ac9086cf9f7010c8c88d7e03a69b2ab6fb08c9883054761220715ff0d9"
    assert bank.sha256(grid_timesteps(10)) == known
    digest = hashlib.sha256(torch.stack([bank.noise(k, 0) for k in range(10)]).numpy().tobytes())
    assert digest.hexdigest() == known


def test_antithetic_noise_is_opposite_at_timesteps_128_apart():
    shape, order = (4, 8, 8), nested_timesteps(980)
    noise, plain = AntitheticNoise(shape, 3), IndependentNoise(shape, 3)
    first = torch.stack([noise.noise(k, t) for k, t in enumerate(order[:8])])  # whole pairs
    torch.testing.assert_close(first.sum(dim=0), torch.zeros(shape), atol=1e-5, rtol=0)
    pairs = [(t, t + 128) for t in range(10, 862) if not (t - 10) & 128]
    assert all(torch.equal(noise.noise(0, a), -noise.noise(0, b)) for a, b in pairs)
    for t in (10, 73, 500, 989):
        assert torch.equal(noise.noise(0, t).abs(), noise.noise(7, t).abs())  # not its place
    assert torch.equal(noise.noise(0, 10), plain.noise(0, 10))
    values = torch.cat([noise.noise(0, t).flatten() for t in order[:250]])
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.02
    assert noise.sha256(order[:16]) != plain.sha256(order[:16])
