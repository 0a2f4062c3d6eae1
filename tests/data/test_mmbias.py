"""All groups of MMBias, beside the paper's ten pairs."""

from __future__ import annotations

from itertools import combinations

import data_trees as trees
import pytest

from gdbench.data.catalogue import BIAS_GROUPS
from gdbench.data.mmbias import ENTRY, GROUPS, TOPICS
from gdbench.metrics.measures import associations
from gdbench.tasks import GDBENCH, TASKS


@pytest.fixture
def whole(tmp_path):
    """Two pictures of each group, disability under one of its possible names."""
    trees.bias(tmp_path)
    for folder in ("Nationality/Chinese", "Nationality/Mexican", "Disability/Mental",
                   "Disability/Physical", "Disability/Non-Disabled"):  # fmt: skip
        trees.draw(tmp_path, *(f"mmbias/data/Images/{folder}/{i}.jpg" for i in range(2)))
    return tmp_path


def test_every_pair_within_a_topic_and_the_papers_under_their_names():
    task, papers = TASKS.get("mmbias"), TASKS.get("bias")
    assert "mmbias" not in GDBENCH
    assert task.primary == ()
    pairs = {frozenset((m.first, m.second)) for m in associations(task.measures)}
    assert pairs == {frozenset(p) for groups in TOPICS.values() for p in combinations(groups, 2)}
    assert len(pairs) == 10 + 6 + 1 + 3
    # the two pairs of the drawn suites are no groups of people
    names = {m.name for m in papers.measures} - {"dax_wug", "fep_zam"}
    assert names <= {m.name for m in task.measures}
    assert set(GROUPS) == {g for groups in TOPICS.values() for g in groups} >= set(BIAS_GROUPS)


def test_all_groups_are_read_under_either_name(whole):
    items = list(TASKS.get("mmbias").items("full", whole, allow_partial=True))
    found = {item.subtask: item for item in items}
    assert set(found) == set(GROUPS) == set(ENTRY.expected)
    assert len(items) == 2 * len(GROUPS)
    assert len(found["disability"].texts) == 120
    assert found["disability"].gold == tuple(range(60))
    same = {i.id for i in TASKS.get("bias").items("full", whole, allow_partial=True)}
    assert same < {i.id for i in items}


def test_a_missing_group_is_named(tmp_path):
    trees.bias(tmp_path)
    with pytest.raises(Exception, match="problems") as caught:
        list(TASKS.get("mmbias").items("full", tmp_path))
    files = {problem["file"] for problem in caught.value.problems}
    assert "mmbias/data/Images/Nationality/Chinese" in files
