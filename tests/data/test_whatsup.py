"""What'sUp in the layout of its repository."""

from __future__ import annotations

import data_trees as trees
import numpy as np

from gdbench.data.check import check
from gdbench.data.whatsup import ENTRY
from gdbench.metrics.summary import summarise
from gdbench.tasks import TASKS

WORDS = ("on", "under", "left of", "right of")


def rows(n):
    """For each pair of things four pictures; the right caption comes first."""
    made = []
    for k in range(n):
        options = [f"A mug {k} {word} a table" for word in WORDS]
        for i in range(4):
            name = f"data/controlled_images/mug{k}_{i}.jpeg"
            made.append({"image_path": name, "caption_options": options[i:] + options[:i]})
    return made


def test_four_captions_and_things_as_clusters(tmp_path):
    content = rows(2)
    content[7] = content[7] | {"caption_options": ["only one"]}
    trees.write(tmp_path, "whatsup/controlled_images_dataset.json", content)
    clevr = [{"image_path": "x/c.png", "caption_options": list("abcd")}]
    trees.write(tmp_path, "whatsup/controlled_clevr_dataset.json", clevr)
    names = [f"whatsup/controlled_images/mug{k}_{i}.jpeg" for k in range(2) for i in range(4)]
    trees.draw(tmp_path, *names, "whatsup/controlled_clevr/c.png")
    found = check("whatsup", tmp_path, entry=ENTRY)
    assert found.n_items == {"photographs": 7, "clevr": 1}
    assert [row["entry"] for row in found.problems.rows] == ["row 7"]
    assert len({item.cluster for item in found.items}) == 3
    task = TASKS.get("whatsup")
    labels = [item.label for item in found.items]
    # a blind model that likes one relation best
    blind = [np.array([[float("on a" in text) for text in item.texts]]) for item in found.items]
    values = {m.name: m.value for m in summarise(task.measures, labels, blind)}
    assert values["photographs"] == 2 / 7
    assert task.kind == "extra"
