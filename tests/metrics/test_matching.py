"""Credits against brute force over all orders of ties, and against numpy's own arg functions."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.metrics.matching import (
    matching_credits,
    pair_credits,
    recall_credit,
    recall_credits,
)

small = st.integers(0, 3)


def brute_recall(scores, gold, k):
    n = len(scores)
    hits = total = 0
    for tie_break in permutations(range(n)):
        order = sorted(range(n), key=lambda i: (-scores[i], tie_break[i]))
        hits += gold in order[:k]
        total += 1
    return hits / total


@given(st.lists(small, min_size=2, max_size=5), st.integers(1, 3), st.data())
def test_recall_is_the_share_of_tie_orders_in_which_gold_is_found(scores, k, data):
    gold = data.draw(st.integers(0, len(scores) - 1))
    credit = recall_credit(np.array(scores, dtype=np.float32), gold, k)
    assert credit.expected == pytest.approx(brute_recall(scores, gold, k))
    assert credit.strict <= credit.expected <= credit.lenient
    assert credit.tied == (scores.count(scores[gold]) > 1)


@given(st.lists(small, min_size=4, max_size=4))
def test_pair_credits_are_the_shares_of_tie_orders(values):
    found = pair_credits(np.array(values, dtype=np.float32).reshape(2, 2))
    text = image = group = 0
    orders = list(permutations(range(4)))
    for o in orders:
        a, b, c, d = ((v, o[i]) for i, v in enumerate(values))
        t, i = a > b and d > c, a > c and d > b
        text, image, group = text + t, image + i, group + (t and i)
    assert found.text.expected == pytest.approx(text / 24)
    assert found.image.expected == pytest.approx(image / 24)
    assert found.group.expected == pytest.approx(group / 24)


def test_four_equal_scores():
    found = pair_credits(np.zeros((2, 2)))
    assert [c.expected for c in found] == pytest.approx([1 / 4, 1 / 4, 1 / 6])
    assert [c.strict for c in found] == [0, 0, 0]
    assert [c.lenient for c in found] == [1, 1, 1]


def test_five_of_ten_equal_scores():
    assert recall_credit(np.ones(10), 3, 5).expected == pytest.approx(0.5)


@given(st.lists(small, min_size=6, max_size=8), st.data())
def test_the_release_takes_the_first_maximum_and_the_end_of_the_sort(scores, data):
    values = np.array(scores, dtype=np.float32)
    gold = data.draw(st.integers(0, len(scores) - 1))
    first = recall_credits(values[None], np.array([gold]), 1).release[0]
    assert first == (np.argmax(values) == gold)
    fifth = recall_credits(values[None], np.array([gold]), 5).release[0]
    assert fifth == (gold in np.argsort(values, kind="stable")[-5:])


def test_many_items_at_once_are_the_items_one_by_one():
    rng = np.random.default_rng(1)
    matrices = rng.integers(0, 3, size=(40, 2, 2)).astype(np.float32)
    together = matching_credits(matrices)
    for i, matrix in enumerate(matrices):
        for part, one in zip(together, pair_credits(matrix), strict=True):
            assert part.expected[i] == pytest.approx(one.expected)
            assert part.strict[i] == one.strict
            assert part.lenient[i] == one.lenient


# Computed by the 2023 release on these scores (c0_i0, c0_i1, c1_i0, c1_i1).
RELEASE_PAIRS = [
    ((1.0, 0.0, 0.0, 1.0), (1, 1, 1)),
    ((1.0, 1.0, 1.0, 1.0), (0, 0, 0)),
    ((1.0, 0.0, 1.0, 2.0), (0, 1, 0)),
    ((2.0, 2.0, 1.0, 3.0), (1, 0, 0)),
]


@pytest.mark.parametrize(("row", "expected"), RELEASE_PAIRS)
def test_ties_are_wrong_in_the_release_s_pairs(row, expected):
    matrix = np.array(row).reshape(2, 2).T  # rows of a matrix are images
    assert tuple(c.release.item() for c in matching_credits(matrix[None])) == expected
