"""Every problem is listed, with its file and entry, and the whole items are still there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import data_trees as trees
import pytest

from gdbench.data.check import check
from gdbench.data.loading import Found
from gdbench.errors import DataProblemsError, InputError
from gdbench.tasks import GDBENCH, TASKS


def problems(found: Found) -> list[tuple[str, str, str]]:
    """Problems other than the counts, which are always wrong in a small tree."""
    return [
        (row["file"], row["entry"], row["problem"])
        for row in found.problems.rows
        if "as published" not in row["problem"]
    ]


def test_all_problems_of_a_file_are_listed(tree):
    (tree / "clevr/images/CLEVR_val0_000000.png").unlink()
    path = tree / "clevr/captions/spatial.json"
    captions = json.loads(path.read_text())
    captions["CLEVR_val1_000001.png"] = [["same", "same"], ["one"], "no pair"]
    captions["CLEVR_val2_000002.png"] = {"0": "wrong type"}
    path.write_text(json.dumps(captions))
    found = check("clevr", tree)
    listed = [p for p in problems(found) if p[0] == "clevr/captions/spatial.json"]
    assert [entry for _, entry, _ in listed] == [
        "CLEVR_val0_000000.png",
        "CLEVR_val1_000001.png[0]",
        "CLEVR_val1_000001.png[1]",
        "CLEVR_val1_000001.png[2]",
        "CLEVR_val2_000002.png",
    ]
    assert "does not exist" in listed[0][2]
    assert found.n_items["recognition_color"] == 4  # two of three pictures are left
    assert len(problems(found)) == 5 + 6  # the missing picture counts in every file


def test_missing_picture(tree):
    (tree / "svo/images/1.jpg").unlink()
    assert problems(check("svo", tree)) == [
        ("svo/svo.json", "row 0", "svo/images/1.jpg does not exist")
    ]


def test_extra_picture_is_listed_and_does_not_stop_an_evaluation(tree):
    trees.draw(tree, "svo/images/99.jpg")
    found = check("svo", tree)
    assert problems(found) == [("svo/images/99.jpg", "", "no entry refers to this picture")]
    found.problems.raise_blocking("svo", tree)  # raises nothing
    trees.draw(tree, "imagecode/image-sets/open-images-7_ab/img99.jpg")
    (wrong,) = problems(check("imagecode", tree))
    assert wrong[2] == "11 pictures, expected 10"


def test_corrupt_and_empty_and_foreign_pictures(tree):
    folder = tree / "clevr/images"
    good = (folder / "CLEVR_val0_000000.png").read_bytes()
    (folder / "CLEVR_val0_000000.png").write_bytes(good[: len(good) // 2])
    (folder / "CLEVR_val1_000001.png").write_bytes(b"")
    (folder / "CLEVR_val2_000002.png").write_text("<html>404</html>")
    texts = {entry: text for _, entry, text in problems(check("clevr", tree))}
    assert "damaged" in texts["CLEVR_val0_000000.png"]
    assert "empty" in texts["CLEVR_val1_000001.png"]
    assert "not an image" in texts["CLEVR_val2_000002.png"]


def test_a_corrupt_jpeg(tree):
    path = tree / "pets/images/pug_7.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    ((file, _, text),) = problems(check("pets", tree))
    assert file == "pets/images/pug_7.jpg"
    assert "damaged" in text


def test_repeated_caption_in_a_keyed_file(tree):
    path = tree / "flickr30k/val_top10_RN50x64.json"
    first, *_ = json.loads(path.read_text()).items()
    text = path.read_text()
    path.write_text(text[:-1] + ", " + json.dumps(dict([first]))[1:])
    found = problems(check("flickr30k", tree))
    assert (path.relative_to(tree).as_posix(), first[0]) == found[0][:2]
    assert "twice" in found[0][2]


def test_repeated_right_candidate(tree):
    path = tree / "flickr30k/val_top10_RN50x64_text.json"
    lists = json.loads(path.read_text())
    key = next(iter(lists))
    lists[key][4] = lists[key][0]
    path.write_text(json.dumps(lists))
    ((_, entry, text),) = problems(check("flickr30k", tree))
    assert entry == key
    assert text == "the right candidate stands twice"


def test_wrong_json_types(tree):
    trees.write(tree, "winoground/data.json", {"0": {}})
    (wrong,) = problems(check("winoground", tree))[:1]
    assert wrong == ("winoground/data.json", "", "expected a list, found an object")
    rows = trees.winoground_rows()
    rows[0]["caption_0"] = 7
    del rows[1]["caption_1"]
    rows[2]["collapsed_tag"] = "Verb"
    rows[3] = ["not an object"]
    trees.write(tree, "winoground/data.json", rows)
    texts = [
        (e, t) for f, e, t in problems(check("winoground", tree)) if f == "winoground/data.json"
    ]
    assert texts == [
        ("row 0", "field 'caption_0' is an integer, expected a string"),
        ("row 1", "field 'caption_1' is missing, expected a string"),
        ("id 2", "collapsed_tag is 'Verb', expected one of Object, Relation, Both"),
        ("row 3", "expected an object, found a list"),
    ]


def test_broken_json_and_other_encodings(tree):
    trees.write(tree, "winoground/data.json", '[{"id": 0,]')
    ((_, entry, text), *_) = problems(check("winoground", tree))
    assert entry == "line 1, column 11"
    assert text.startswith("not JSON")
    (tree / "svo/svo.json").write_bytes('[{"sentence": "caf\xe9"}]'.encode("latin-1"))
    ((file, entry, text), *_) = problems(check("svo", tree))
    assert (file, entry) == ("svo/svo.json", "byte 18")
    assert "UTF-8" in text
    trees.write(tree, "svo/svo.json", "[" * 100_000)
    ((_, _, text), *_) = problems(check("svo", tree))
    assert "nested too deeply" in text


def test_class_not_in_the_list(tree):
    trees.draw(tree, "pets/images/Tabby_1.jpg")
    path = tree / "pets/classes.txt"
    path.write_text(path.read_text().replace("pug\n", "pugg\n"))
    found = problems(check("pets", tree))
    assert ("pets/images/Tabby_1.jpg", "", "class 'tabby' is not in pets/classes.txt") in found
    assert ("pets/images/pug_12.jpg", "", "class 'pug' is not in pets/classes.txt") in found
    assert ("pets/classes.txt", "pugg", "not one of the 37 published classes") in found
    assert ("pets/classes.txt", "pug", "this class is missing") in found


def test_gold_index_out_of_range(tree):
    path = tree / "imagecode/valid_data.json"
    path.write_text(json.dumps({"open-images-7_ab": {"10": "x", "-1": "y", "a": "z", "3": " "}}))
    found = problems(check("imagecode", tree))
    assert [entry for _, entry, _ in found[:4]] == [
        f"open-images-7_ab[{k}]" for k in ("10", "-1", "a", "3")
    ]
    assert found[0][2] == "image index 10 is out of 0..9"


def test_folders_in_other_case_are_named(tree):
    (tree / "mmbias/data/Images/Religion").rename(tree / "mmbias/data/Images/religion")
    found = problems(check("bias", tree))
    assert len(found) == 5
    assert "found mmbias/data/Images/religion, expected mmbias/data/Images/Religion" in found[0][2]
    (tree / "clevr").rename(tree / "CLEVR")
    found = problems(check("clevr", tree))
    assert len(found) == 7
    assert "found CLEVR, expected clevr" in found[0][2]


def test_links_out_of_the_tree_are_refused(tree, tmp_path):
    outside = tmp_path / "secret.jpg"
    outside.write_bytes(trees.encoded("secret.jpg"))
    path = tree / "svo/images/0.jpg"
    path.unlink()
    path.symlink_to(outside)
    ((_, entry, text),) = problems(check("svo", tree))
    assert entry == "row 0"
    assert "link out of the tree" in text
    (tree / "clevr/images").rename(tmp_path / "images")
    (tree / "clevr/images").symlink_to(tmp_path / "images")
    found = check("clevr", tree)
    assert found.items == []
    assert problems(found)[0][0] == "clevr/images"


def test_annotations_are_counted_before_pictures_are_there(tree):
    whole = check("svo", tree)
    shutil.rmtree(tree / "svo/images")
    found = check("svo", tree)
    assert found.n_items == whole.n_items
    texts = [text for _, _, text in problems(found)]
    assert texts == ["svo/images does not exist: 8 pictures"]
    # nothing of it can be evaluated
    with pytest.raises(DataProblemsError, match="svo/images does not exist"):
        list(TASKS.get("svo").items("full", tree, allow_partial=True))


def test_links_within_the_tree_are_followed(tree):
    (tree / "svo/images").rename(tree / "svo/pictures")
    (tree / "svo/images").symlink_to(tree / "svo/pictures")
    found = check("svo", tree)
    assert problems(found) == []
    assert len(found.items) == 4


def test_a_loop_of_links(tree):
    path = tree / "svo/images/0.jpg"
    path.unlink()
    path.symlink_to(path)
    ((_, _, text),) = problems(check("svo", tree))
    assert "svo/images/0.jpg" in text


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a\\b.jpg", "x\x00.jpg"])
def test_paths_out_of_the_tree(name, tree):
    rows = trees.svo_rows()
    rows[0]["pos_id"] = name
    trees.write(tree, "svo/svo.json", rows)
    found = problems(check("svo", tree))
    texts = [text for file, _, text in found if file == "svo/svo.json"]
    assert len(texts) == 1
    assert "not a path inside" in texts[0] or "does not exist" in texts[0]


def test_boxes(tree):
    path = tree / "vg_relation/visual_genome_relation.json"
    rows = json.loads(path.read_text())
    rows[0]["bbox_x"] = 500
    rows[1]["bbox_w"] = 0
    rows[2]["bbox_h"] = "9"
    path.write_text(json.dumps(rows))
    texts = [t for f, _, t in problems(check("aro", tree)) if f == str(path.relative_to(tree))]
    assert ["outside" in texts[0], "empty" in texts[1], "bbox_h" in texts[2]] == [True] * 3


def test_words(tree):
    path = tree / "mmbias/textual_phrases.txt"
    words = json.loads(path.read_text())
    words["pleasant_phrases"] = words["pleasant_phrases"][:59]
    path.write_text(json.dumps(words))
    found = problems(check("bias", tree))
    assert found == [("mmbias/textual_phrases.txt", "pleasant_phrases", "59 words, expected 60")]


def test_a_root_that_is_no_folder(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        check("clevr", tmp_path / "none")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_folder(tree):
    folder = tree / "svo/images"
    folder.chmod(0)
    try:
        assert "cannot be listed" in str(problems(check("svo", tree)))
    finally:
        folder.chmod(0o755)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from gdbench.cli import main; main()", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_the_command_prints_json_and_exits_with_2(tree, tmp_path):
    done = command("data", "check", "svo", "--root", str(tree), "--json")
    (row,) = json.loads(done.stdout)["tasks"]
    assert done.returncode == 0
    assert row["name"] == "svo"
    assert row["layout"] == "gdbench-2023"
    assert row["n_items"] == {"verb": 2, "subj": 1, "obj": 1}
    assert len(row["manifest_sha256"]) == 64
    assert row["problems"] == []
    (tree / "svo/images/1.jpg").unlink()
    (tree / "svo/images/4.jpg").unlink()
    done = command("data", "check", "--root", str(tree), "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["tasks"]}
    assert done.returncode == 2
    # the larger MMBias lies in the folder of the bias task
    assert set(rows) == {*GDBENCH, "mmbias"}
    assert [p["entry"] for p in rows["svo"]["problems"]] == ["row 0", "row 2"]
    assert set(rows["svo"]["problems"][0]) == {"file", "entry", "problem"}
    (tmp_path / "void").mkdir()
    assert command("data", "check", "--root", str(tmp_path / "void")).returncode == 2


def test_half_characters(tree):
    rows = trees.svo_rows()
    rows[0]["sentence"] = "a \U0001f40e"
    trees.write(tree, "svo/svo.json", rows)
    assert problems(check("svo", tree)) == []
    rows[0]["sentence"] = "a \ud83d"
    trees.write(tree, "svo/svo.json", rows)
    assert "half of a character" in problems(check("svo", tree))[0][2]


def test_file_names_in_other_encodings(tree):
    folder = os.fsencode(tree / "pets/images")
    try:
        with open(folder + b"/caf\xe9_1.jpg", "wb") as file:  # noqa: PTH123 # a name in bytes
            file.write(trees.encoded("x.jpg"))
    except OSError:
        pytest.skip("this file system keeps names in UTF-8")
    ((where, entry, text),) = problems(check("pets", tree))
    assert (where, text) == ("pets/images", "the file's name is not UTF-8")
    assert "caf" in entry
