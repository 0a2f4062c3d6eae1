"""Two shares of different samples, against scipy and against a published table."""

import math

import pytest
from scipy import stats

from gdbench.metrics.estimate import Estimate
from gdbench.metrics.proportions import interval_difference, share_difference

CASES = [(177, 448, 105, 400), (38, 56, 729, 1014), (1, 12, 11, 12), (963, 2800, 13007, 25010)]


@pytest.mark.parametrize("case", CASES)
def test_the_test_is_pearsons_chi_square(case):
    a, n, b, m = case
    expected = stats.chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue
    assert share_difference(a / n, n, b / m, m).p_value == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_the_published_one():
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10, case (a)."""
    found = share_difference(56 / 70, 70, 48 / 80, 80)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize("case", [CASES[0], CASES[1], CASES[3]])
def test_the_interval_is_made_of_wilsons(case):
    a, n, b, m = case
    one = stats.binomtest(a, n).proportion_ci(method="wilson")
    other = stats.binomtest(b, m).proportion_ci(method="wilson")
    p, q = a / n, b / m
    found = share_difference(p, n, q, m)
    assert found.low == pytest.approx(p - q - math.hypot(p - one.low, other.high - q))
    assert found.high == pytest.approx(p - q + math.hypot(one.high - p, q - other.low))


def test_equal_and_extreme_shares_do_not_differ():
    assert share_difference(0.4, 50, 0.4, 500).p_value == 1
    for end in (0.0, 1.0):
        found = share_difference(end, 10, end, 20)
        assert found.p_value == 1
        assert found.low < 0 < found.high


@pytest.mark.parametrize("bad", [(1.1, 5, 0.5, 5), (-0.1, 5, 0.5, 5), (0.5, 0, 0.5, 5)])
def test_what_is_no_share_is_refused(bad):
    with pytest.raises(ValueError, match=r"expected 0\.\.1"):
        share_difference(*bad)


@pytest.mark.parametrize(("p", "q"), [(0.6, 0.5), (0.7, 0.4), (0.9, 0.5)])
def test_p_values_are_exact_however_small(p, q):
    """1 - cdf would be rounded to a multiple of 1e-16."""
    x = [[round(1000 * p), round(1000 - 1000 * p)], [round(1000 * q), round(1000 - 1000 * q)]]
    shares = stats.chi2_contingency(x, correction=False).pvalue
    assert share_difference(p, 1000, q, 1000).p_value == pytest.approx(shares, rel=1e-9, abs=0)
    first, second = (Estimate(v, v - 0.02, v + 0.02) for v in (p, q))
    found = interval_difference("", first, second)
    z = stats.norm.isf(0.025) * (p - q) / math.hypot(0.02, 0.02)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(z), rel=1e-9, abs=0)
