from collections import Counter

import pytest

from gdbench.metrics.measures import EffectSize
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

# The metric names that other programs read.
METRICS = {
    "flickr30k": {"image_r1", "image_r5", "text_r1", "text_r5"},
    "winoground": {"text", "image", "group"},
    "aro": {"vg_relation", "vg_attribution", "coco_order", "flickr30k_order"},
    "imagecode": {"static_r1", "static_r5", "video_r1", "video_r5"},
    "svo": {"verb", "subj", "obj"},
    "clevr": {
        "recognition_color", "recognition_shape", "pair_binding_size", "pair_binding_color",
        "spatial", "binding_color_shape", "binding_shape_color", "micro", "macro",
    },
    "pets": {"accuracy"},
    "bias": {"christian_muslim", "american_arab", "heterosexual_lgbt"},
}  # fmt: skip
PRIMARY = {
    "flickr30k": ("image_r1", "text_r1"),
    "winoground": ("text", "image", "group"),
    "aro": ("vg_relation", "vg_attribution", "coco_order", "flickr30k_order"),
    "imagecode": ("static_r1", "video_r1"),
    "svo": ("verb", "subj", "obj"),
    "clevr": ("macro",),
    "pets": ("accuracy",),
    "bias": (),
}


@pytest.mark.parametrize("name", GDBENCH)
def test_metrics_and_primary_ones(name):
    task = TASKS.get(name)
    assert {m.name for m in task.measures} >= METRICS[name]
    assert task.primary == PRIMARY[name]
    assert task.license
    assert task.citation


def test_published_counts():
    full = {name: TASKS.get(name).n_expected("full") for name in GDBENCH}
    assert full["clevr"] == 8036
    assert full["winoground"] == 400
    assert full["imagecode"] == 430 + 1872
    assert full["aro"] == 23937 + 28748 + 25010 + 5000
    assert TASKS.get("aro").n_expected("full", "diffusion-itm-2023") == 23937 + 28748 + 25010 + 5070
    assert full["pets"] == 7390
    assert full["bias"] == 9 * 250


@pytest.mark.parametrize("name", GDBENCH)
def test_mini_items_are_as_many_as_announced_and_well_formed(name):
    task = TASKS.get(name)
    items = list(task.items("mini"))
    assert Counter(i.subtask for i in items) == task.expected["mini"]
    assert len({i.id for i in items}) == len(items)
    for item in items:
        if item.query is Query.TEXT_RETRIEVAL:
            assert len(item.images) == 1
            assert 0 <= item.gold[0] < len(item.texts)
        elif item.query is Query.IMAGE_RETRIEVAL:
            assert len(item.texts) == 1
            assert 0 <= item.gold[0] < len(item.images)
        elif item.query is Query.MATCHING:
            assert item.gold == (0, 1)
        else:
            assert 0 < len(item.gold) < len(item.texts)


def test_every_mini_sub_task_is_measured():
    for name in GDBENCH:
        task = TASKS.get(name)
        for label in {i.subtask: i.label for i in task.items("mini")}.values():
            if label.query is Query.ASSOCIATION:
                groups = {g for m in task.measures for g in (m.first, m.second)}
                assert label.subtask in groups
            else:
                parts = [m for m in task.measures if not isinstance(m, EffectSize)]
                assert any(m.part_of(label) is not None for m in parts)


def test_rare_attribute_pairs_are_left_out_of_the_macro_average():
    import numpy as np

    from gdbench.metrics.measures import sample
    from gdbench.protocol import Label

    task = TASKS.get("aro")
    macro = next(m for m in task.measures if m.name == "vg_attribution_macro")

    def label(k, pair):
        query = Query.TEXT_RETRIEVAL
        return Label(f"{pair}{k}", query, (0,), 1, 2, "vg_attribution", str(k), (pair,))

    labels = [label(k, "old_red") for k in range(25)] + [label(k, "new_tall") for k in range(24)]
    right, wrong = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    found = sample(macro, labels, [right] * 25 + [wrong] * 24)
    assert found is not None
    assert len(found.ids) == 25
    assert found.mean(found.expected) == 1.0
