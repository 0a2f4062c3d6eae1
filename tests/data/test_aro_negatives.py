from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import data_trees as trees
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.data.aro import PARTS, attributes_of, relation_of
from gdbench.data.aro_freeze import freeze
from gdbench.data.aro_negatives import (
    MAX_WORDS,
    closed_class_tagger,
    negatives,
    normalise,
    spacy_tagger,
)
from gdbench.data.check import check
from gdbench.data.loading import read
from gdbench.errors import InputError, MissingExtraError
from gdbench.tasks.base import manifest_sha256

CAPTION = "a brown dog runs across a green field near the old barn"
FROZEN = (
    "a red table on the cup",
    "on red cup a the table",
    "red a cup on table the",
    "on the table a red cup",
)
captions = st.lists(st.text("abcdefg", min_size=1, max_size=4), min_size=1, max_size=40).map(
    " ".join
)


@given(captions)
def test_negatives_are_permutations_of_the_caption(caption):
    right = normalise(caption)
    for wrong in negatives(right):
        assert Counter(wrong.split()) == Counter(right.split())


@given(captions, st.text(max_size=5))
def test_negatives_depend_on_caption_and_seed_alone(caption, seed):
    assert negatives(caption, seed=seed) == negatives(caption, seed=seed)


def test_each_perturbation_moves_what_it_should():
    content = closed_class_tagger(CAPTION.split())
    words = CAPTION.split()
    nouns, others, within, among = (n.split() for n in negatives(CAPTION))
    for i, is_content in enumerate(content):
        assert (others if is_content else nouns)[i] == words[i]
    trigrams = [words[i : i + 3] for i in range(0, 12, 3)]
    assert [sorted(within[i : i + 3]) for i in range(0, 12, 3)] == [sorted(t) for t in trigrams]
    moved = [among[i : i + 3] for i in range(0, 12, 3)]
    assert sorted(moved) == sorted(trigrams)


def test_nouns_and_adjectives_of_a_plain_sentence():
    content = closed_class_tagger(CAPTION.split())
    picked = [w for w, c in zip(CAPTION.split(), content, strict=True) if c]
    assert picked == ["brown", "dog", "green", "field", "old", "barn"]


def test_the_same_in_another_process():
    """Neither the hash seed of the interpreter nor what ran before has an influence."""
    program = (
        "import json; from gdbench.data.aro_negatives import negatives;"
        f"print(json.dumps(negatives({CAPTION!r}, seed='s')))"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert tuple(json.loads(other.stdout)) == negatives(CAPTION, seed="s")


def test_this_version_is_frozen():
    """A change here changes published items: raise VERSION instead."""
    assert negatives("a red cup on the table", seed="x") == FROZEN


def test_normalise():
    assert normalise('The "Old" Man: (at) sea!! don\'t;') == "the old man at sea don't"
    assert len(normalise("word " * 50).split()) == MAX_WORDS


@pytest.mark.parametrize(("true", "false", "relation"), trees.RELATIONS)
def test_relation_follows_from_the_captions(true, false, relation):
    assert relation_of(true, false) == relation
    assert relation_of(true, true + "x") is None


@pytest.mark.parametrize(("true", "false", "attributes"), trees.ATTRIBUTES)
def test_attributes_follow_from_the_captions(true, false, attributes):
    assert attributes_of(true, false) == "_".join(attributes)


def test_relation_between_things_whose_names_hold_the_key_words():
    true = "the man that is the chef is on the horse"
    assert relation_of(true, "the horse is on the man that is the chef") == "on"


def test_equal_negatives_are_counted_and_reported(tree):
    found = check("aro", tree)
    items = [i for i in found.items if i.subtask == "coco_order"]
    equal = [i for i in items if i.texts[0] in i.texts[1:]]
    assert equal
    assert [i.tags for i in equal] == [("equal_to_gold",)] * len(equal)
    assert [i.tags for i in items if i not in equal] == [()] * (len(items) - len(equal))
    (note,) = [n for n in found.problems.notes if n.startswith("coco_order")]
    assert f"in {len(equal)} of {len(items)} items" in note


def test_frozen_negatives_win(tree):
    four = ["w", "x", "y", "z"]
    frozen = {"COCO_val2014_000000000001/0": four, "COCO_val2014_000000000001/1": ["too few"]}
    trees.write(tree, "coco_order/coco_order_negatives.json", frozen)
    found = check("aro", tree)
    items = {item.id: item for item in found.items}
    assert items["coco_order/3"].texts[1:] == tuple(four)
    assert any(row["entry"].endswith("000001/1") for row in found.problems.rows)


def test_the_spacy_tagger_names_its_extra():
    try:
        tag = spacy_tagger()
    except MissingExtraError as error:
        assert "gdbench[aro]" in str(error)  # noqa: PT017 # both outcomes are right
    else:
        assert tag(["a", "red", "cup"]) == [False, True, True]


def test_freezing_keeps_the_items_and_another_tagger_changes_them(tree):
    drawn = manifest_sha256(read("aro", PARTS, tree, counts=False).items)
    assert dict(freeze(tree, closed_class_tagger)) == {
        "coco_order/coco_order_negatives.json": 6,
        "flickr30k/flickr30k_order_negatives.json": 4,
    }
    found = read("aro", PARTS, tree, counts=False)
    assert manifest_sha256(found.items) == drawn
    assert any("frozen in coco_order/" in note for note in found.problems.notes)
    list(freeze(tree, lambda words: [i % 2 == 0 for i in range(len(words))]))
    assert manifest_sha256(read("aro", PARTS, tree, counts=False).items) != drawn


def test_freezing_needs_an_order_set(tmp_path):
    with pytest.raises(InputError, match="no order set"):
        list(freeze(tmp_path, closed_class_tagger))
