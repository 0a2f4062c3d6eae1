"""Metrics by level, against a count by hand."""

import numpy as np

from gdbench.metrics.levels import by_level, level_of
from gdbench.metrics.measures import Recall
from gdbench.protocol import Item, Query


def item(name, *tags):
    return Item(name, (), ("x", "y"), Query.TEXT_RETRIEVAL, (0,), "two", tags=tags)


def test_each_level_is_measured_alone_and_items_without_one_are_left_out():
    items = [item("a", "level 1"), item("b", "level 2"), item("c", "level 2"), item("d", "other")]
    right, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    labels = [one.label for one in items]
    found = by_level((Recall("all", ("two",)),), labels, [right, wrong, right, wrong])
    assert {level: (m[0].value, m[0].n) for level, m in found.items()} == {1: (1.0, 1), 2: (0.5, 2)}


def test_a_level_is_a_number_behind_the_word():
    assert level_of(item("a", "cat", "level 3").label) == 3
    assert level_of(item("a", "level three").label) is None
    assert level_of(item("a").label) is None


def test_the_level_is_no_part_of_a_macro_average():
    measure = Recall("macro", ("two",), by="tag")
    assert measure.part_of(item("a", "cat", "level 3").label) == "cat"
    assert measure.part_of(item("a", "level 1").label) == ""
