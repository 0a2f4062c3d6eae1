"""How numbers are rounded, combined and printed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.leaderboard.show.estimate import shown
from gdbench.metrics.estimate import Estimate, mean_independent
from gdbench.numbers import EFFECT, SHARE, count, seconds


def test_a_score_has_one_decimal_and_both_ends_of_its_interval():
    text = shown(Estimate(0.395, 0.348, 0.444), SHARE)
    assert (text.text, text.interval) == ("39.5", "34.8\N{EN DASH}44.4")
    assert shown(Estimate(0.5), SHARE).interval == ""
    assert shown(Estimate(1.0, 0.51, 1.0), SHARE).interval == "51.0\N{EN DASH}100.0"


def test_signs():
    assert shown(Estimate(-0.149, -0.3, 0.0), EFFECT).text == "\N{MINUS SIGN}0.15"
    assert shown(Estimate(0.94), EFFECT).text == "+0.94"
    assert shown(Estimate(-0.001), EFFECT).text == "0.00"
    moved = shown(Estimate(-0.1, -0.2, 0.0), SHARE, difference=True)
    assert moved.interval == "\N{MINUS SIGN}20.0 to 0.0"


def test_large_and_small():
    assert [count(n) for n in (0, 37, 999, 1000, 865_000_000, 1_234_567, 8.4e9)] == [
        "0", "37", "999", "1k", "865M", "1.23M", "8.4G",
    ]  # fmt: skip
    assert [seconds(s) for s in (0.0123, 0.9999, 1.7, 90, 7200)] == [
        "12.3 ms", "1 s", "1.7 s", "1.5 min", "2 h",
    ]  # fmt: skip


numbers = st.floats(0, 1)
intervals = (
    st.tuples(numbers, numbers, numbers).map(sorted).map(lambda t: Estimate(t[1], t[0], t[2]))
)


@given(st.lists(intervals, min_size=1, max_size=7))
def test_means_hold_their_value_and_independence_narrows(estimates):
    apart = mean_independent(estimates)
    assert apart.value == pytest.approx(math.fsum(e.value for e in estimates) / len(estimates))
    assert apart.low <= apart.value + 1e-12
    assert apart.high >= apart.value - 1e-12
    assert apart.half_width <= max(e.half_width for e in estimates) + 1e-9


def test_seven_equal_tasks_divide_the_interval_by_the_root_of_seven():
    e = mean_independent([Estimate(0.5, 0.4, 0.6)] * 7)
    assert e.high - e.value == pytest.approx(0.1 / math.sqrt(7))


def test_a_mean_over_something_without_interval_has_none():
    assert mean_independent([Estimate(0.5, 0.4, 0.6), Estimate(0.7)]).bounds is None
