"""Annotations with something wrong anywhere in them are problems, never a traceback."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import data_trees as trees
import pytest

from gdbench.data.check import parts_of
from gdbench.data.loading import read
from gdbench.data.pets import PET_CLASSES
from gdbench.tasks.base import manifest_sha256

FILES = {
    "flickr30k/val_top10_RN50x64.json": "flickr30k",
    "flickr30k/val_top10_RN50x64_text.json": "flickr30k",
    "winoground/data.json": "winoground",
    "vg_relation/visual_genome_relation.json": "aro",
    "vg_attribution/visual_genome_attribution.json": "aro",
    "coco_order/coco_karpathy_test.json": "aro",
    "flickr30k/flickr30k_test.json": "aro",
    "imagecode/valid_data.json": "imagecode",
    "svo/svo.json": "svo",
    "clevr/captions/spatial.json": "clevr",
    "mmbias/textual_phrases.txt": "bias",
}
JUNK = (
    None, True, -1, 10**30, 1.5, "", "../../x", "\u0000", "\ud800", "x" * 5000, [], [[]], {},
    {"a": 1}, [None, None],
)  # fmt: skip


def mutated(value: Any, rng: random.Random) -> Any:
    """The value with one node somewhere replaced, removed, repeated or renamed."""
    value = copy.deepcopy(value)
    node, depth = value, rng.randint(0, 4)
    while depth and isinstance(node, (dict, list)) and node:
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        below = node[key]
        if depth == 1 or not isinstance(below, (dict, list)) or not below:
            kind = rng.randrange(4)
            if kind == 0:
                node[key] = rng.choice(JUNK)
            elif kind == 1:
                del node[key]
            elif kind == 2 and isinstance(node, list):
                node.insert(key, copy.deepcopy(below))
            elif isinstance(node, dict):
                node[str(rng.choice(JUNK))] = node.pop(key)
            return value
        node, depth = below, depth - 1
    return rng.choice(JUNK)


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.everything(tmp_path_factory.mktemp("tree") / "data", list(PET_CLASSES))


@pytest.mark.parametrize("name", FILES)
def test_no_mutation_of_an_annotation_is_a_traceback(name, shared_tree):
    task = FILES[name]
    path = shared_tree / name
    original = path.read_text()
    value = json.loads(original)
    whole = read(task, parts_of(task), shared_tree, counts=False)
    rng = random.Random(name)
    noticed = 0
    try:
        for _ in range(60):
            path.write_text(json.dumps(mutated(value, rng)))
            found = read(task, parts_of(task), shared_tree, counts=False)
            assert all(set(row) == {"file", "entry", "problem"} for row in found.problems.rows)
            assert all(isinstance(v, str) for row in found.problems.rows for v in row.values())
            json.dumps(found.problems.rows).encode()
            if not found.problems.rows:
                manifest_sha256(found.items)
            same = [i.id for i in found.items] == [i.id for i in whole.items]
            noticed += bool(found.problems.rows) or not same
    finally:
        path.write_text(original)
    assert noticed > 15
