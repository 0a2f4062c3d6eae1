"""What a wanted precision takes."""

import numpy as np
import pytest

from benchmarks.coverage import sample_of
from gdbench.metrics.intervals import share_interval
from gdbench.metrics.power import items_for, samples_for


def half_width(n, share):
    sample = sample_of((np.arange(n) < share * n).astype(float))
    found = share_interval(sample, sample.expected)
    return max(share - found.low, found.high - share)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("wanted", [0.05, 0.02])
def test_so_many_items_make_the_interval_that_narrow(share, wanted):
    n = round(items_for(200, half_width(200, share), wanted), -1)
    assert half_width(n, share) == pytest.approx(wanted, rel=0.1)
    assert half_width(n // 2, share) > 1.3 * wanted


def test_fewer_items_do_for_a_wider_interval():
    assert items_for(400, 0.04, 0.08) == 100
    assert items_for(400, 0.04, 0.04) == 400


@pytest.mark.parametrize("rate", [1.0, 0.5, 2.0])
def test_so_many_samples_bring_the_noise_down(rate):
    # the variance falls with the samples to the power of the rate
    def error(samples):
        return 0.3 * samples ** (-rate / 2)

    to_halve = round(50 * 4 ** (1 / rate))
    needed = samples_for(50, to_halve, error(50), 0.5 * error(50))
    assert needed == pytest.approx(to_halve, abs=1)
    needed = samples_for(50, to_halve, error(50), error(50) / 3)
    assert error(needed) == pytest.approx(error(50) / 3, rel=1e-2)


def test_samples_where_the_noise_is_small_or_stays():
    assert samples_for(50, 200, 0.01, 0.02) == 50
    assert samples_for(50, None, 0.01, 0.02) == 50
    assert samples_for(50, None, 0.03, 0.02) is None
