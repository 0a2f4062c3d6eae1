from __future__ import annotations

import json

import data_trees as trees
import pytest

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.check import check, parts_of
from gdbench.data.loading import read
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

EXTRA = [name for name in CATALOGUE if name not in GDBENCH]


@pytest.mark.parametrize("name", EXTRA)
def test_extra_tasks_are_registered_and_apart_from_the_score(name):
    task = TASKS.get(name)
    assert task.kind == "extra"
    assert task.published is CATALOGUE[name]


def test_published_sizes():
    assert sum(CATALOGUE["sugarcrepe"].expected.values()) == 7511
    assert CATALOGUE["cola"].expected == {"multi": 210}


def test_sugarcrepe(tmp_path):
    for name in CATALOGUE["sugarcrepe"].expected:
        rows = {
            str(i): {
                "filename": f"00000000{i}.jpg",
                "caption": f"A cat and {i} dogs.",
                "negative_caption": f"A cow and {i} dogs.",
            }
            for i in range(2)
        }
        trees.write(tmp_path, f"sugarcrepe/data/{name}.json", rows)
    trees.draw(tmp_path, "sugarcrepe/val2017/000000000.jpg", "sugarcrepe/val2017/000000001.jpg")
    found = read("sugarcrepe", parts_of("sugarcrepe"), tmp_path, counts=False)
    assert found.problems.rows == []
    assert found.n_items == dict.fromkeys(CATALOGUE["sugarcrepe"].expected, 2)
    item = found.items[0]
    assert (item.id, item.gold) == ("sugarcrepe/add_att/0", (0,))
    assert item.texts == ("A cat and 0 dogs.", "A cow and 0 dogs.")


def test_cola(tmp_path):
    rows = [
        ["https://x.org/7.jpg", "red cup#on#blue plate", "y/8.jpg", "blue cup#on#red plate"],
        ["https://x.org/7.jpg", "only one"],
    ]  # fmt: skip
    trees.write(tmp_path, "cola/data/COLA_multiobjects_matching_benchmark.json", rows)
    trees.draw(tmp_path, "cola/images/7.jpg", "cola/images/8.jpg")
    found = check("cola", tmp_path)
    (item,) = found.items
    assert (item.query, item.gold) == (Query.MATCHING, (0, 1))
    assert item.texts == ("red cup on blue plate", "blue cup on red plate")
    assert [row["entry"] for row in found.problems.rows] == ["row 1", ""]


def test_genderbias(tmp_path):
    for thing in ("suit", "apron", "briefcase", "purse", "beer", "wine"):
        trees.draw(tmp_path, *(f"genderbias/{thing}-images/{i}.jpg" for i in (6, 7)))
    found = check("genderbias", tmp_path)
    assert found.problems.rows == []
    pairs = ("clothes", "bags", "drinks")
    assert found.n_items == {f"{g}_{p}": 2 for p in pairs for g in ("male", "female")}
    by_id = {item.id: item for item in found.items}
    assert by_id["genderbias/purse/7"].texts == ("briefcase", "purse")
    assert by_id["genderbias/purse/7"].subtask == "female_bags"


def test_selfbench(tmp_path):
    row = {
        "image": "sd3/1.png", "texts": ["two cats", "three cats"], "gold": 1,
        "category": "counting", "generator": "sd3",
    }  # fmt: skip
    bad = [row | {"gold": 2}, row | {"category": "size"}, row | {"texts": ["a", "a"]}]
    trees.write(tmp_path, "selfbench/annotations.json", json.dumps([row, *bad]))
    trees.draw(tmp_path, "selfbench/images/sd3/1.png")
    found = check("selfbench", tmp_path)
    assert [item.id for item in found.items] == ["selfbench/counting/sd3/1/1"]
    assert [r["entry"] for r in found.problems.rows] == ["row 1", "row 2", "row 3"]
