"""Paired tests against scipy, brute force, and simulation."""

import numpy as np
import pytest
from scipy import stats

from gdbench.metrics.adjust import holm
from gdbench.metrics.intervals import bonett_price
from gdbench.metrics.measures import PairMatching, Recall, merge, sample
from gdbench.metrics.paired import compare, mcnemar_p, paired_difference
from gdbench.metrics.power import detectable_mcnemar
from gdbench.protocol import Label, Query

ACC = Recall("acc", ("s",))


def of(retrieval, right, clusters=None):
    """A sample whose items are right (1), wrong (0) or tied (0.5)."""
    scores = [{1: (1, 0), 0: (0, 1), 0.5: (0, 0)}[r] for r in right]
    return sample(ACC, *retrieval(scores, clusters))


def test_plain_accuracies_are_compared_with_mcnemar(retrieval):
    a = of(retrieval, [1] * 8 + [0] * 2 + [1] * 5)
    b = of(retrieval, [0] * 8 + [1] * 2 + [1] * 5)
    d = paired_difference("acc", a, b)
    assert (d.first_better, d.second_better, d.discordant, d.n) == (8, 2, 10, 15)
    assert d.method == "mcnemar"
    assert d.p_value == pytest.approx(stats.binomtest(8, 10).pvalue)
    assert d.difference == pytest.approx(6 / 15)
    assert d.low < d.difference < d.high


def test_items_are_paired_by_id_not_by_position(retrieval):
    labels, matrices = retrieval([(1, 0), (0, 1), (1, 0), (0, 1)])
    a = sample(ACC, labels, matrices)
    b = sample(ACC, labels[::-1], matrices[::-1])
    assert paired_difference("acc", a, b).discordant == 0


def test_other_items_cannot_be_compared(retrieval):
    with pytest.raises(ValueError, match="not of the same items"):
        paired_difference("acc", of(retrieval, [1, 0, 1]), of(retrieval, [1, 0]))


def test_clusters_count_not_items(retrieval):
    clusters = [c for c in range(10) for _ in range(20)]
    a = of(retrieval, [1] * 160 + [0] * 40, clusters)
    b = of(retrieval, [0] * 160 + [1] * 40, clusters)
    d = paired_difference("acc", a, b)
    assert d.method == "adjusted"
    assert d.p_value > 0.02
    assert d.n_clusters == 10


def test_no_discordant_item_is_no_certainty(retrieval):
    a = of(retrieval, [1, 0.5, 0, 1])
    d = paired_difference("acc", a, a)
    assert (d.p_value, d.difference, d.discordant) == (1.0, 0.0, 0)
    assert d.low < -0.3
    assert d.high > 0.3


def test_bonett_price_covers(retrieval):
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(2000):
        kind = rng.choice(3, 80, p=[0.15, 0.05, 0.8])
        low, high = bonett_price(int((kind == 0).sum()), int((kind == 1).sum()), 80)
        hits += low <= 0.1 <= high
    assert 0.93 <= hits / 2000 <= 0.97


@pytest.mark.parametrize(("n", "discordant"), [(20, 8), (100, 20), (400, 40)])
def test_the_detectable_difference_is_detected_four_times_of_five(n, discordant):
    rng = np.random.default_rng(5)
    effect = detectable_mcnemar(n, discordant)
    share = max(discordant / n, effect)
    differ = rng.binomial(n, share, 4000)
    better = rng.binomial(differ, (1 + effect / share) / 2)
    p = {(m, k): mcnemar_p(k, m - k) for m, k in set(zip(differ, better, strict=True))}
    found = np.mean([p[pair] <= 0.05 for pair in zip(differ, better, strict=True)])
    assert 0.78 < found < 0.82


def test_two_equal_models_are_shown_to_be_equal_within_what_the_items_allow(retrieval):
    rng = np.random.default_rng(6)
    right = (rng.random(400) < 0.8).astype(int)
    other = np.where(rng.random(400) < 0.05, 1 - right, right)
    d = paired_difference("acc", of(retrieval, right.tolist()), of(retrieval, other.tolist()))
    assert d.equivalent_within < max(abs(d.low), abs(d.high))
    assert d.equivalent(0.1)
    assert not d.equivalent(0.001)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_comparison_adjusts_over_rows_and_keeps_what_both_have(retrieval):
    good, bad = of(retrieval, [1] * 20), of(retrieval, [0] * 20)
    found = compare({"x": good, "y": good, "z": good}, {"x": bad, "y": good})
    assert [r.name for r in found.rows] == ["x", "y"]
    assert found.row("x").p_holm == pytest.approx(2 * found.row("x").p_value)
    assert found.row("x").significant()
    assert not found.row("y").significant()
    with pytest.raises(ValueError, match="no task in common"):
        compare({"x": good}, {"y": good})


def test_a_merged_sample_has_the_mean_of_its_values_and_joint_clusters(retrieval):
    a = of(retrieval, [1, 1, 0, 0.5], clusters=["p", "p", "q", "r"])
    b = of(retrieval, [0, 1], clusters=["q", "t"])
    both = merge({"a": a, "b": b})
    assert both.mean(both.expected) == pytest.approx((0.625 + 0.5) / 2)
    assert both.mean(both.chance) == pytest.approx(0.5)
    assert both.cluster_names == ("p", "q", "r", "t")
    assert both.item_weight().sum() == pytest.approx(1)
    again = merge({"ab": both, "b": b})
    assert again.mean(again.expected) == pytest.approx((0.5625 + 0.5) / 2)


def test_winoground_values_with_ties_take_the_permutation_test():
    labels = [Label(f"w{i}", Query.MATCHING, (0, 1), 2, 2, "all", f"w{i}") for i in range(12)]
    rng = np.random.default_rng(9)
    a = [rng.integers(0, 2, (2, 2)).astype(np.float32) for _ in labels]
    b = [np.zeros((2, 2), dtype=np.float32) for _ in labels]
    measure = PairMatching("group", "group")
    d = paired_difference("g", sample(measure, labels, a), sample(measure, labels, b))
    assert d.method == "adjusted"
    assert d.second == pytest.approx(1 / 6)
