"""ColorSwap, BiVLC and VisMin from snapshots in the layouts that public loaders read."""

from __future__ import annotations

from importlib import import_module

import data_trees as trees
import hub_sets
import numpy as np
import pytest

from gdbench.data.check import check
from gdbench.metrics.summary import summarise
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

COLUMNS = {
    "colorswap": (("caption_1", "caption_2"), ("image_1", "image_2"), {}),
    "bivlc": (
        ("caption", "negative_caption"), ("image", "negative_image"),
        {"type": "replace", "subtype": "replace_att"},
    ),
    "vismin": (("text_0", "text_1"), ("image_0", "image_1"), {"category": "counting"}),
}  # fmt: skip


def snapshot(root, name, n, twin):
    texts, images, tags = COLUMNS[name]
    content = {
        images[0]: [trees.encoded(f"a{i}.png") for i in range(n)],
        images[1]: [trees.encoded(f"b{i}.png") for i in range(n)],
        texts[0]: [f"a red cup and a blue bowl {i}" for i in range(n)],
        texts[1]: [f"a blue cup and a red bowl {i}" for i in range(n)],
        **{tag: [value] * n for tag, value in tags.items()},
    }
    content[texts[1]][twin] = content[texts[0]][twin]
    files = {"data/test-00000-of-00001.parquet": hub_sets.parquet(content, images)}
    hub_sets.snapshot(root, TASKS.get(name).published.hub[0].folder, files, None)


@pytest.mark.parametrize("name", COLUMNS)
def test_pairs_are_read_and_a_twin_caption_is_a_problem(name, tmp_path):
    snapshot(tmp_path, name, 4, twin=3)
    task = TASKS.get(name)
    found = check(name, tmp_path, entry=task.published)
    assert found.n_items == {"pairs": 3}
    assert "row 3" in [row["entry"] for row in found.problems.rows]
    item = found.items[0]
    assert (item.query, item.gold) == (Query.MATCHING, (0, 1))
    assert item.texts[0].startswith("a red cup")
    assert item.tags == tuple(COLUMNS[name][2].values())
    assert task.kind == "extra"
    assert name not in GDBENCH
    items = list(task.items("full", tmp_path, allow_partial=True))
    assert [i.id for i in items] == [f"{name}/{i}" for i in range(3)]
    # a text-only model prefers one caption for both pictures: right for no pair of captions, and
    # both pictures of a caption tie
    blind = [np.array([[1.0, 0.0], [1.0, 0.0]])] * 3
    values = {m.name: m.value for m in summarise(task.measures, [i.label for i in items], blind)}
    assert (values["text"], values["image"]) == (0, 0.25)


@pytest.mark.parametrize("name", COLUMNS)
def test_without_a_snapshot_it_says_where_it_is(name, tmp_path):
    trees.write(tmp_path, f"{name}/data.json", [])
    entry = import_module(f"gdbench.data.{name}").ENTRY
    found = check(name, tmp_path, entry=entry)
    assert any(f"gdbench data fetch {name}" in row["problem"] for row in found.problems.rows)
