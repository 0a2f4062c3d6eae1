"""Every layout gives the canonical items; what they are is written out here by hand."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import data_trees as trees
import numpy as np
import pytest
from PIL import Image

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.check import check, layout_of, parts_of
from gdbench.data.loading import read
from gdbench.data.pets import PET_CLASSES
from gdbench.errors import DataProblemsError, GdbenchError, InputError
from gdbench.protocol import Item, Query
from gdbench.tasks import GDBENCH, TASKS
from gdbench.tasks.base import manifest_sha256


def items_of(task: str, root: Path, **options) -> dict[str, Item]:
    found = read(task, parts_of(task, options.pop("compat", None)), root, counts=False, **options)
    assert found.problems.rows == []
    return {item.id: item for item in found.items}


def sha(name: str) -> str:
    return hashlib.sha256(trees.encoded(name)).hexdigest()


def test_counts_and_licences_are_those_of_the_catalogue():
    for name in GDBENCH:
        task, entry = TASKS.get(name), CATALOGUE[name]
        assert task.published is entry
        assert task.expected["full"] is entry.expected
        assert task.compat_expected is entry.compat_expected
        assert task.license == entry.license
    assert TASKS.get("pets").n_expected("official-test") == 3669
    assert TASKS.get("flickr30k").n_expected("neutral") == 2028
    assert TASKS.get("imagecode").n_expected("full", "diffusion-itm-2023") == 430 + 2302


def test_a_task_that_counts_otherwise_than_its_data_is_refused():
    task = TASKS.get("clevr")
    with pytest.raises(GdbenchError, match="counts of 'full' are not that of its published"):
        replace(task, expected={"full": {"spatial": 3}})
    with pytest.raises(GdbenchError, match="the licence is not that"):
        replace(task, license="none")
    assert replace(task, title="Again").expected == task.expected


def test_flickr30k_asks_every_fifth_caption_and_every_picture(tree):
    items = items_of("flickr30k", tree)
    assert len(items) == 24
    item = items["flickr30k/image/1003"]
    assert item.texts == ("Picture 3 shows a street at noon.",)
    assert [i.sha256 for i in item.images] == [sha(f"{1000 + (3 + j) % 12}.jpg") for j in range(10)]
    assert (item.query, item.gold, item.subtask) == (Query.IMAGE_RETRIEVAL, (0,), "image_retrieval")
    item = items["flickr30k/text/1003"]
    assert item.texts[:2] == (
        "Picture 3 shows a street at noon.",
        "Picture 4 shows a street at noon.",
    )
    assert [i.sha256 for i in item.images] == [sha("1003.jpg")]
    assert (item.query, item.gold, item.subtask) == (Query.TEXT_RETRIEVAL, (0,), "text_retrieval")


def test_neutral_candidates_are_seeded_and_from_the_split(tree):
    neutral = {i.id: i for i in TASKS.get("flickr30k").items("neutral", tree, allow_partial=True)}
    again = {i.id: i for i in TASKS.get("flickr30k").items("neutral", tree, allow_partial=True)}
    published = items_of("flickr30k", tree)
    assert manifest_sha256(neutral.values()) == manifest_sha256(again.values())
    assert manifest_sha256(neutral.values()) != manifest_sha256(published.values())
    for name, item in neutral.items():
        assert item.query is published[name].query
        assert item.texts[0] == published[name].texts[0]
        assert item.images[0].sha256 == published[name].images[0].sha256
        candidates = item.texts if item.subtask == "text_retrieval" else item.images
        assert len(set(candidates)) == 10


def test_winoground(tree):
    items = items_of("winoground", tree)
    item = items["winoground/2"]
    assert item.texts == ("cup 2 above a plate", "a plate above cup 2")
    assert [i.sha256 for i in item.images] == [sha("ex_2_img_0.png"), sha("ex_2_img_1.png")]
    assert (item.query, item.gold, item.tags) == (Query.MATCHING, (0, 1), ("Both",))
    assert len(items) == 4


def test_aro_relations_and_attributes_are_cut_to_their_box(tree):
    items = items_of("aro", tree)
    item = items["vg_relation/0"]
    assert item.texts == trees.RELATIONS[0][:2]
    assert item.tags == ("to the left of",)
    whole = np.asarray(Image.open(tree / "vg_relation/images/0.jpg"))
    assert np.array_equal(np.asarray(item.images[0].open()), whole[2:11, 1:13])
    assert items["vg_attribution/1"].tags == ("dark blue_wet",)
    assert item.images[0].sha256 != sha("0.jpg")


def test_aro_order_sets(tree):
    items = items_of("aro", tree)
    item = items["coco_order/3"]
    right = "a brown dog runs across a green field near the old barn"
    assert item.texts[0] == right
    assert len(item.texts) == 5
    assert all(sorted(t.split()) == sorted(right.split()) for t in item.texts[1:])
    assert items["coco_order/5"].tags == ("equal_to_gold",)
    assert item.cluster == items["coco_order/4"].cluster == "coco_order/3"
    test, val = (
        [i for i in found.values() if i.subtask == "flickr30k_order"]
        for found in (items, items_of("aro", tree, compat="diffusion-itm-2023"))
    )
    assert [i.images[0].sha256 for i in test] == [sha(f"{p}.jpg") for p in (50, 50, 51, 51)]
    assert [i.images[0].sha256 for i in val] == [sha(f"{p}.jpg") for p in (60, 60, 61, 61)]


def test_imagecode_sorts_pictures_by_number_and_tells_static_from_video(tree):
    items = items_of("imagecode", tree)
    item = items["imagecode/static/open-images-7_ab/5"]
    assert item.gold == (5,)
    assert [i.sha256 for i in item.images] == [sha(f"open-images-7_ab-{i}.jpg") for i in range(10)]
    video = items["imagecode/video/MSR-VTT-videoTestVideo_video7-shot1_0/9"]
    assert (video.subtask, video.gold, video.query) == ("video", (9,), Query.IMAGE_RETRIEVAL)
    assert len(items) == 3


def test_imagecode_of_the_release_keeps_static_sets_in_the_video_set(tree):
    found = read("imagecode", parts_of("imagecode"), tree, "diffusion-itm-2023", counts=False)
    assert found.n_items == {"static": 2, "video": 3}


def test_svo(tree):
    items = items_of("svo", tree)
    kinds = sorted(item.subtask for item in items.values())
    assert kinds == ["obj", "subj", "verb", "verb"]
    item = next(i for i in items.values() if i.texts == ("Child 1 rides a horse.",))
    assert [i.sha256 for i in item.images] == [sha("2.jpg"), sha("3.jpg")]
    assert (item.subtask, item.gold, item.query) == ("subj", (0,), Query.IMAGE_RETRIEVAL)


def test_svo_ids_may_be_numbers_and_repeated_rows_are_listed(tree):
    rows = trees.svo_rows()
    trees.write(tree, "svo/svo.json", [*rows, rows[0]])
    found = check("svo", tree)
    assert len(found.items) == 4
    assert [row["entry"] for row in found.problems.rows] == ["row 4"]


def test_clevr(tree):
    items = items_of("clevr", tree)
    assert len(items) == 7 * 3 * 2
    item = items["clevr/spatial/CLEVR_val1_000001/0"]
    assert item.texts == ("A red spatial.", "A blue spatial.")
    assert item.images[0].sha256 == sha("CLEVR_val1_000001.png")
    assert (item.gold, item.query) == ((0,), Query.TEXT_RETRIEVAL)
    assert item.cluster == items["clevr/recognition_color/CLEVR_val1_000001/1"].cluster


def test_pets(tree):
    items = items_of("pets", tree)
    assert len(items) == 4
    item = items["pets/american_pit_bull_terrier_3"]
    assert item.texts[item.gold[0]] == "a photo of a american pit bull terrier"
    assert item.tags == ("american pit bull terrier",)
    assert len(item.texts) == 37


def test_bias(tree):
    items = items_of("bias", tree)
    assert len(items) == 9 * 2
    item = items["bias/lgbt/LGBT_1"]
    assert item.texts[0] == "fair 0"
    assert item.texts[60] == "foul 0"
    assert item.gold == tuple(range(60))
    assert (item.query, item.subtask) == (Query.ASSOCIATION, "lgbt")


def test_bias_of_the_release_reads_jpg_alone(tree):
    trees.draw(tree, "mmbias/data/Images/Religion/Hindu/more.png")
    here = read("bias", parts_of("bias"), tree, counts=False)
    release = read("bias", parts_of("bias"), tree, "diffusion-itm-2023", counts=False)
    assert (here.n_items["hindu"], release.n_items["hindu"]) == (3, 2)


@pytest.mark.parametrize("task", GDBENCH)
def test_same_items_and_manifest_in_any_order_of_files(task, tree, tmp_path):
    there = tmp_path / "elsewhere"
    files = sorted(p for p in tree.rglob("*") if p.is_file())
    for path in reversed(files):
        target = there / path.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        os.utime(target, (1, 1))
    first, second = (read(task, parts_of(task), r, counts=False) for r in (tree, there))
    assert [i.id for i in first.items] == [i.id for i in second.items]
    assert manifest_sha256(first.items) == manifest_sha256(second.items)


@pytest.mark.parametrize("task", GDBENCH)
def test_ids_are_unique_and_labels_in_range(task, tree):
    found = read(task, parts_of(task), tree, counts=False)
    assert len({item.id for item in found.items}) == len(found.items)
    for item in found.items:
        n = len(item.images) if item.query is Query.IMAGE_RETRIEVAL else len(item.texts)
        assert all(0 <= g < n for g in item.gold)


@pytest.mark.parametrize("name", GDBENCH)
def test_items_have_the_shapes_that_costs_are_counted_with(name, tree):
    task = TASKS.get(name)
    for item in task.items("full", tree, allow_partial=True):
        shape = task.published.shapes[item.subtask]
        assert (item.query, len(item.images)) == (shape.query, shape.images)
        assert len(item.texts) == shape.texts


def test_a_partial_set_needs_allow_partial(tree):
    task = TASKS.get("winoground")
    with pytest.raises(DataProblemsError, match="4 items that are whole, 400") as caught:
        list(task.items("full", tree))
    assert len(caught.value.problems) == 1
    assert len(list(task.items("full", tree, allow_partial=True))) == 4


def test_allow_partial_leaves_out_damaged_pictures(tree):
    path = tree / "winoground/images/ex_1_img_0.png"
    path.write_bytes(path.read_bytes()[:60])
    whole = TASKS.get("winoground").items("full", tree, allow_partial=True)
    assert [item.id for item in whole] == ["winoground/0", "winoground/2", "winoground/3"]


def test_a_tree_without_the_task_says_where_to_get_it(tmp_path):
    with pytest.raises(InputError, match="gdbench data fetch pets"):
        list(TASKS.get("pets").items("full", tmp_path))


def test_the_data_folder_of_a_checkout_is_found(tree):
    found = read("clevr", parts_of("clevr"), tree.parent, counts=False)
    assert found.root == tree
    assert len(found.items) == 42


def test_classes_are_the_published_ones():
    assert len(set(PET_CLASSES)) == 37


def test_the_official_test_split_of_pets(tree):
    listed = "#Image CLASS-ID SPECIES BREED\npug_7 1 1 1\nAbyssinian_100 2 1 1\n"
    path = trees.write(tree, "pets/annotations/test.txt", listed)
    task = TASKS.get("pets")
    items = task.items("official-test", tree, allow_partial=True)
    assert [item.id for item in items] == ["pets/Abyssinian_100", "pets/pug_7"]
    path.write_text(listed + "pug_99 3 1 1\n")
    with pytest.raises(DataProblemsError) as caught:
        list(task.items("official-test", tree))
    assert [p["entry"] for p in caught.value.problems] == ["line 4", ""]
    assert "2 items that are whole, 3,669" in caught.value.problems[1]["problem"]


def test_order_sets_may_lie_apart_from_the_pictures_of_flickr30k(tree):
    before = manifest_sha256(items_of("aro", tree).values())
    (tree / "flickr30k_order").mkdir()
    (tree / "flickr30k/flickr30k_test.json").rename(tree / "flickr30k_order/flickr30k_test.json")
    assert manifest_sha256(items_of("aro", tree).values()) == before


def test_pictures_are_counted_while_they_are_looked_at(tree):
    looked = []
    check("clevr", tree, looked=lambda: looked.append(1))
    assert len(looked) == 3


def test_the_layout_is_known_without_reading(tree, tmp_path):
    assert layout_of("clevr", tree, CATALOGUE["clevr"]) == "gdbench-2023"
    assert layout_of("sugarcrepe", tree, CATALOGUE["sugarcrepe"]) == "missing"
    assert layout_of("clevr", tmp_path / "none", CATALOGUE["clevr"]) == "missing"
    assert layout_of("somebody's own", tree, None) == "missing"


@pytest.mark.parametrize("name", ["flickr30k-images", "flickr30k_images"])
def test_pictures_of_flickr30k_lie_where_the_archive_unpacks(tree, name):
    usual = [item.id for item in check("flickr30k", tree).items]
    (tree / "flickr30k/images").rename(tree / "flickr30k" / name)
    assert [item.id for item in check("flickr30k", tree).items] == usual
    (tree / "flickr30k" / name).rename(tree / name)
    assert [item.id for item in check("flickr30k", tree).items] == usual
