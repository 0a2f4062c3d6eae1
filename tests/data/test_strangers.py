"""Files that are often there in place of the right ones are named, with what to do."""

from __future__ import annotations

import data_trees as trees
import pytest

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.check import check
from gdbench.data.strangers import KNOWN

EXAMPLES = [
    ("flickr30k", "flickr30k/results.csv", "Kaggle's table"),
    ("flickr30k", "flickr30k/dataset_flickr30k.json", "Karpathy's splits"),
    ("aro", "coco_order/dataset_coco.json", "Karpathy's splits"),
    ("winoground", "winoground/examples.jsonl", "one JSON object a line"),
    ("svo", "svo/svo_probes.csv", "addresses, no pictures"),
    ("imagecode", "imagecode/test_data.json", "labels of test are secret"),
    ("clevr", "clevr/CLEVR_questions.json", "not the captions of this task"),
    ("bias", "mmbias/URLs.txt", "list of addresses"),
]


@pytest.mark.parametrize(("task", "path", "words"), EXAMPLES)
def test_known_files_are_named_alone_and_beside_the_data(task, path, words, tmp_path):
    trees.write(tmp_path, path, "x")
    (note,) = check(task, tmp_path).problems.notes
    assert note.startswith(f"{path} is ")
    assert words in note
    assert "`gdbench data fetch" in note


def test_a_whole_set_has_no_such_note(tree):
    for task in CATALOGUE:
        assert not [n for n in check(task, tree).problems.notes if "it is not read" in n]


def test_every_known_file_belongs_to_a_task():
    assert {known.task for known in KNOWN} <= set(CATALOGUE)


def test_a_snapshot_with_a_script_and_no_data_is_named(tmp_path):
    folder = CATALOGUE["winoground"].hub[0].folder
    trees.write(tmp_path, f"{folder}/winoground.py", "raise SystemExit")
    found = check("winoground", tmp_path)
    problems = [row["problem"] for row in found.problems.rows]
    assert any("holds a loading script (winoground.py) and no data" in p for p in problems)
