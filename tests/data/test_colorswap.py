"""ColorSwap from a snapshot in the layout that public loaders read."""

from __future__ import annotations

import data_trees as trees
import hub_sets
import numpy as np

from gdbench.data.check import check
from gdbench.data.colorswap import ENTRY
from gdbench.metrics.summary import summarise
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

FOLDER = ENTRY.hub[0].folder


def rows(n: int) -> dict[str, list[object]]:
    return {
        "id": list(range(n)),
        "image_1": [trees.encoded(f"a{i}.png") for i in range(n)],
        "image_2": [trees.encoded(f"b{i}.png") for i in range(n)],
        "caption_1": [f"a red cup and a blue bowl {i}" for i in range(n)],
        "caption_2": [f"a blue cup and a red bowl {i}" for i in range(n)],
    }


def test_pairs_are_read_and_a_twin_caption_is_a_problem(tmp_path):
    content = rows(4)
    content["caption_2"][3] = content["caption_1"][3]
    files = {"data/test-00000-of-00001.parquet": hub_sets.parquet(content, ("image_1", "image_2"))}
    hub_sets.snapshot(tmp_path, FOLDER, files, None)
    found = check("colorswap", tmp_path, entry=ENTRY)
    assert found.n_items == {"pairs": 3}
    assert [row["entry"] for row in found.problems.rows] == ["row 3"]
    item = found.items[0]
    assert (item.query, item.gold) == (Query.MATCHING, (0, 1))
    assert item.texts[0].startswith("a red cup")
    task = TASKS.get("colorswap")
    assert task.kind == "extra"
    assert "colorswap" not in GDBENCH
    labels = [i.label for i in found.items]
    blind = [np.array([[1.0, 0.0], [1.0, 0.0]])] * 3
    values = {m.name: m.value for m in summarise(task.measures, labels, blind)}
    # a text-only model prefers one caption for both pictures: right for none of the pairs in text
    # retrieval, and equal scores of both pictures are a coin each
    assert values["image"] == 0.25
    assert values["text"] == 0


def test_without_a_snapshot_it_says_where_it_is(tmp_path):
    trees.write(tmp_path, "colorswap/data.json", [])
    found = check("colorswap", tmp_path, entry=ENTRY)
    assert any("gdbench data fetch colorswap" in row["problem"] for row in found.problems.rows)
