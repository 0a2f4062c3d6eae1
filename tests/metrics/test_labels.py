"""Labels as columns say what a list of labels says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.metrics.labels import Labels, coded, packed, renumbered, unpacked
from gdbench.metrics.measures import PairMatching, Recall, members, sample, stacks
from gdbench.protocol import Item, Label, Query

LABELS = [
    Label("a", Query.TEXT_RETRIEVAL, (1,), 1, 3, "x", "k2", ("t",)),
    Label("b", Query.IMAGE_RETRIEVAL, (0,), 2, 1, "y", "b"),
    Label("c", Query.TEXT_RETRIEVAL, (1,), 1, 3, "x", "k1", ("t",)),
    Label("d", Query.MATCHING, (0, 1), 2, 2, "z", "k2"),
    Label("e", Query.TEXT_RETRIEVAL, (2,), 1, 3, "x", "\udcff", ("u",)),
]


def test_labels_come_back_as_they_were():
    labels = Labels(LABELS)
    assert list(labels) == LABELS
    assert labels[-1] == LABELS[-1]
    assert labels[1:3] == LABELS[1:3]
    assert Labels.of(labels) is labels
    # a and c differ in id and cluster alone
    assert len(labels.kinds) == 4
    with pytest.raises(IndexError):
        labels[5]


def test_items_give_their_labels():
    items = [
        Item("i", (), ("a", "b"), Query.TEXT_RETRIEVAL, (0,), "s"),
        Item("j", (), ("c",), Query.TEXT_RETRIEVAL, (0,), "s", "pair", ("t",)),
    ]
    assert list(Labels(items)) == [item.label for item in items]


def test_clusters_are_numbered_in_the_order_of_their_names():
    labels = Labels(LABELS)
    names, cluster = labels.clusters(np.arange(5))
    assert unpacked(names) == ("b", "k1", "k2", "\udcff")
    assert cluster.tolist() == [2, 0, 1, 2, 3]
    names, cluster = labels.clusters(np.array([0, 1, 3]))
    assert unpacked(names) == ("b", "k2")
    assert cluster.tolist() == [1, 0, 1]


@given(st.lists(st.text("ab\u00e9\U0001f600\uffff\udcff", max_size=4)))
def test_codes_are_those_of_numpy(names):
    there, codes = coded(packed(names))
    expected, inverse = np.unique(np.array(names, dtype=object), return_inverse=True)
    assert unpacked(there) == tuple(expected)
    np.testing.assert_array_equal(codes, inverse)


@given(st.lists(st.integers(0, 30), min_size=1))
def test_renumbered_numbers_are_those_of_numpy(numbers):
    there, place = renumbered(np.array(numbers))
    expected, inverse = np.unique(numbers, return_inverse=True)
    np.testing.assert_array_equal(there, expected)
    np.testing.assert_array_equal(place, inverse)


def test_stacks_hold_one_query_and_shape_each():
    made = {
        (s.query, *s.gold.shape): (s.positions.tolist(), s.gold.tolist())
        for s in stacks(LABELS, np.arange(5))
    }
    assert made == {
        (Query.TEXT_RETRIEVAL, 3, 1): ([0, 2, 4], [[1], [1], [2]]),
        (Query.IMAGE_RETRIEVAL, 1, 1): ([1], [[0]]),
        (Query.MATCHING, 1, 2): ([3], [[0, 1]]),
    }


def test_members_leave_out_small_parts():
    by_tag = Recall("r", ("x",), by="tag", smallest_part=2)
    chosen, part = members(by_tag, LABELS)
    assert chosen.tolist() == [0, 2]
    assert part.tolist() == [0, 0]
    chosen, part = members(Recall("r", ("x",), by="tag"), LABELS)
    assert chosen.tolist() == [0, 2, 4]
    assert part.tolist() == [0, 0, 1]
    assert len(members(PairMatching("p", "text", tag="none"), LABELS)[0]) == 0


def test_a_sample_without_names_has_the_same_values():
    rng = np.random.default_rng(0)
    matrices = [rng.random((label.n_images, label.n_texts)) for label in LABELS]
    named = sample(Recall("r", ("x",)), LABELS, matrices)
    bare = sample(Recall("r", ("x",)), LABELS, matrices, named=False)
    assert named.ids == ("a", "c", "e")
    assert named.cluster_names == ("k1", "k2", "\udcff")
    assert (bare.ids, bare.cluster_names) == ((), ())
    for field in ("expected", "strict", "lenient", "tied", "chance", "cluster", "part"):
        np.testing.assert_array_equal(getattr(named, field), getattr(bare, field))
