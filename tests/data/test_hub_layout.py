"""The hub's data sets give the items of the 2023 folders."""

from __future__ import annotations

import io
import json
from pathlib import Path

import data_trees as trees
import datasets
import hub_sets
import pyarrow.parquet as pq
import pytest

from gdbench.data.aro_negatives import normalise
from gdbench.data.catalogue import CATALOGUE
from gdbench.data.check import check, parts_of
from gdbench.data.loading import Found, read
from gdbench.tasks.base import item_fingerprint, manifest_sha256


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def both(task: str, tree: Path, root: Path) -> tuple[Found, Found]:
    folder = read(task, parts_of(task), tree, counts=False)
    hub = read(task, parts_of(task), root, counts=False, verify="full")
    assert hub.problems.rows == []
    return folder, hub


def put(root: Path, task: str, files: hub_sets.Files, which: int = 0) -> None:
    hub = CATALOGUE[task].hub[which]
    hub_sets.snapshot(root, hub.folder, files, hub.revision)


def test_winoground(tree, tmp_path):
    put(tmp_path / "hub-root", "winoground", hub_sets.winoground())
    folder, hub = both("winoground", tree, tmp_path / "hub-root")
    assert hub.layout == "hub"
    assert [*map(item_fingerprint, hub.items)] == [*map(item_fingerprint, folder.items)]
    assert hub.items[0].images[0].open().size == (24, 16)


def test_pets(tree, tmp_path):
    put(tmp_path / "r", "pets", hub_sets.pets())
    folder, hub = both("pets", tree, tmp_path / "r")
    assert manifest_sha256(hub.items) == manifest_sha256(folder.items)
    assert [i.id for i in hub.items] == [i.id for i in folder.items]


def test_flickr30k(tree, tmp_path):
    root = tmp_path / "r"
    for name in ("val_top10_RN50x64.json", "val_top10_RN50x64_text.json"):
        trees.write(root, f"flickr30k/{name}", (tree / "flickr30k" / name).read_text())
    put(root, "flickr30k", hub_sets.flickr30k())
    folder, hub = both("flickr30k", tree, root)
    assert manifest_sha256(hub.items) == manifest_sha256(folder.items)


def test_imagecode(tree, tmp_path):
    text = (tree / "imagecode/valid_data.json").read_text()
    trees.write(tmp_path / "r", "imagecode/valid_data.json", text)
    put(tmp_path / "r", "imagecode", hub_sets.imagecode(json.loads(text)))
    folder, hub = both("imagecode", tree, tmp_path / "r")
    assert manifest_sha256(hub.items) == manifest_sha256(folder.items)


def test_svo_keeps_what_survives(tree, tmp_path):
    root = tmp_path / "r"
    put(root, "svo", hub_sets.svo())
    trees.draw(root, *(f"svo/images/{i}.jpg" for i in range(8)))
    folder, hub = both("svo", tree, root)
    whole = manifest_sha256(hub.items)
    assert whole == manifest_sha256(folder.items)
    (root / "svo/images/3.jpg").unlink()
    fewer = read("svo", parts_of("svo"), root)
    assert fewer.problems.rows == []
    assert fewer.n_items == {"verb": 2, "obj": 1}
    assert fewer.problems.notes == ["svo: pictures of 1 of 4 rows are not there"]
    assert manifest_sha256(fewer.items) != whole


def test_aro(tree, tmp_path):
    root = tmp_path / "r"
    put(root, "aro", hub_sets.visual_genome(trees.RELATIONS), 0)
    put(root, "aro", hub_sets.visual_genome(trees.ATTRIBUTES), 1)
    pictures = [f"COCO_val2014_{i:012}.jpg" for i in range(2)]
    drawn = [
        item for item in read("aro", parts_of("aro"), tree, counts=False).items
        if item.subtask == "coco_order"
    ]  # fmt: skip
    captions = [[normalise(text) for text in trees.ORDER_CAPTIONS]] * 2
    put(root, "aro", hub_sets.order(pictures, captions, [list(i.texts[1:]) for i in drawn]), 2)
    flickr = [[normalise(text) for text in trees.ORDER_CAPTIONS[:2]]] * 2
    four = [["w", "x", "y", "z"]] * 4
    put(root, "aro", hub_sets.order(["50.jpg", "51.jpg"], flickr, four), 3)
    folder, hub = both("aro", tree, root)
    assert hub.n_items == folder.n_items
    by_id = {item.id: item for item in folder.items}
    for item in hub.items:
        other = by_id[item.id]
        if item.subtask == "coco_order":
            assert item_fingerprint(item) == item_fingerprint(other)
        assert (item.texts[0], item.gold, item.query) == (other.texts[0], other.gold, other.query)
        if item.subtask.startswith("vg"):
            assert (item.texts, item.tags) == (other.texts, other.tags)
    assert hub.items[-1].texts[1:] == ("w", "x", "y", "z")


def test_frozen_negatives_of_the_hub_win_over_the_folder(tree):
    captions = [[normalise(text) for text in trees.ORDER_CAPTIONS]] * 2
    pictures = [f"COCO_val2014_{i:012}.jpg" for i in range(2)]
    put(tree, "aro", hub_sets.order(pictures, captions, [["w", "x", "y", "z"]] * 6), 2)
    found = read("aro", parts_of("aro"), tree, counts=False)
    assert found.layout == "gdbench-2023+hub"
    order = [item for item in found.items if item.subtask == "coco_order"]
    assert {item.texts[1:] for item in order} == {("w", "x", "y", "z")}
    assert any("frozen in gowitheflow/ARO-COCO-order" in note for note in found.problems.notes)


def test_another_revision_is_a_problem(tmp_path):
    hub_sets.snapshot(
        tmp_path, CATALOGUE["winoground"].hub[0].folder, hub_sets.winoground(), "0" * 40
    )
    found = check("winoground", tmp_path)
    assert found.items == []
    assert "expected b400e173" in found.problems.rows[0]["problem"]


def test_missing_columns_and_damaged_pictures_are_listed(tmp_path):
    columns = {"id": [0], "caption_0": ["a"], "image_0": [b"no picture"]}
    data = hub_sets.parquet(columns, ("image_0",))
    put(tmp_path, "winoground", {"data/test-00000-of-00001.parquet": data})
    entries = {row["entry"] for row in check("winoground", tmp_path).problems.rows}
    assert {"caption_1", "collapsed_tag"} <= entries
    files = hub_sets.winoground()
    rows = trees.winoground_rows()
    wrong = {key: [row[key] for row in rows] for key in rows[0]}
    for k in (0, 1):
        wrong[f"image_{k}"] = [
            b"no picture" if i == k == 1 else trees.encoded(f"{i}{k}.png") for i in range(4)
        ]
    put(
        tmp_path, "winoground", {next(iter(files)): hub_sets.parquet(wrong, ("image_0", "image_1"))}
    )
    found = check("winoground", tmp_path)
    assert [item.id for item in found.items] == ["winoground/0", "winoground/2", "winoground/3"]
    assert found.problems.rows[0]["entry"] == "row 1"


def test_a_folder_that_is_no_data_set(tmp_path):
    ((name, data),) = hub_sets.pets().items()
    features = {"info": {"features": {"path": {"_type": "Value"}}}}
    table = pq.read_table(io.BytesIO(data)).replace_schema_metadata(
        {"huggingface": json.dumps(features)}
    )
    untyped = io.BytesIO()
    pq.write_table(table, untyped)
    # of the last `datasets` says that an argument of its own is missing
    for wrong in (b"PAR1 not really", data[:-100], untyped.getvalue()):
        put(tmp_path, "pets", {name: wrong})
        (problem, *_) = check("pets", tmp_path).problems.rows
        assert "cannot be read as a data set" in problem["problem"]
