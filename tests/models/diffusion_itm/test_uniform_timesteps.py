"""Timesteps as the paper's text has them: drawn uniformly from [0, 1000)."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from gdbench.errors import InputError
from gdbench.models import load_model
from gdbench.models.diffusion_itm.schedule import scheduled, uniform_timesteps
from gdbench.run import asked


def test_every_budget_is_a_prefix_and_none_is_drawn_twice():
    longest = uniform_timesteps(1000, seed=3)
    assert sorted(longest) == list(range(1000))
    for samples in (1, 10, 250, 999):
        assert uniform_timesteps(samples, seed=3) == longest[:samples]
    assert uniform_timesteps(50, seed=3) != uniform_timesteps(50, seed=4)


def test_draws_are_uniform():
    """Over seeds the first ten of each are uniform, and none of them leans on its neighbour."""
    drawn = np.array([uniform_timesteps(10, seed) for seed in range(300)])
    counts = np.bincount(drawn.ravel() // 100, minlength=10)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.spearmanr(drawn[:, 0], drawn[:, 1]).pvalue > 1e-3


@pytest.mark.parametrize("samples", [0, 1001])
def test_numbers_that_there_are_none_of(samples):
    with pytest.raises(InputError, match="1 to 1000"):
        scheduled("uniform", samples)


def test_the_ends_of_the_range_are_scored():
    """No other schedule looks at timesteps 0 and 999; their noise and errors are finite."""
    firsts = {seed: uniform_timesteps(1, seed)[0] for seed in range(3000)}
    ends = {first: seed for seed, first in firsts.items() if first in {0, 999}}
    assert set(ends) == {0, 999}
    picture = Image.new("RGB", (64, 64), (200, 30, 30))
    for timestep, seed in ends.items():
        model = load_model("mini-sd", schedule="uniform", samples=1, seed=seed, device="cpu")
        assert model.timesteps == (timestep,)
        assert model.settings.schedule == "uniform"
        assert np.isfinite(model.score([picture], ["a red circle"])).all()


def test_it_is_a_setting_by_both_names(gdbench_options):
    assert {"--schedule", "--timesteps"} <= gdbench_options
    request, _ = asked("mini-sd", schedule="uniform")
    assert request.settings.schedule == "uniform"


@pytest.fixture
def gdbench_options():
    """The flags of `gdbench evaluate`."""
    import typer

    from gdbench.cli import app

    (command,) = [c for n, c in typer.main.get_command(app).commands.items() if n == "evaluate"]
    return {flag for parameter in command.params for flag in parameter.opts}
