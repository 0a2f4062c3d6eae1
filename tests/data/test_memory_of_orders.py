"""The largest order set loads in little memory."""

from __future__ import annotations

import random
from pathlib import Path

import data_trees as trees
import psutil

from gdbench.data.aro import PARTS
from gdbench.data.loading import read

N_PICTURES, N_ITEMS = 5000, 25010
_WORDS = "a the dog cat table red small runs sits on under near with old blue boat two men"
WORDS = tuple(_WORDS.split(" "))


def test_25010_items_in_under_500_megabytes(tmp_path: Path):
    rng = random.Random(0)
    extra = N_ITEMS - 5 * N_PICTURES  # ten pictures have a sixth caption
    rows = [
        {
            "image": f"val2014/COCO_val2014_{i:012}.jpg",
            "caption": [
                " ".join(rng.choices(WORDS, k=rng.randint(8, 16))) + "."
                for _ in range(5 + (i < extra))
            ],
        }
        for i in range(N_PICTURES)
    ]
    trees.write(tmp_path, "coco_order/coco_karpathy_test.json", rows)
    folder = tmp_path / "coco_order/val2014"
    folder.mkdir()
    for row in rows:
        (tmp_path / "coco_order" / row["image"]).write_bytes(b"not decoded when loading")
    process = psutil.Process()
    before = process.memory_info().rss
    found = read("aro", PARTS[2:3], tmp_path, counts=False)
    grown = process.memory_info().rss - before
    assert len(found.items) == N_ITEMS
    assert found.problems.rows == []
    assert grown < 500_000_000
