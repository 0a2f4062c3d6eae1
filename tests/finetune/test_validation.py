"""Held-out items: balanced, apart from the benchmark, and evaluated like everything else."""

import pytest

from gdbench.evaluation import evaluate
from gdbench.finetune.scenes import SceneExamples
from gdbench.finetune.validation import SUITE, held_out_task, mini_items
from gdbench.mini.heldout import heldout
from gdbench.mini.seeding import stream
from gdbench.models import load_model
from gdbench.protocol import Query
from gdbench.tasks import ABILITY, TASKS

ITEMS = list(mini_items(16))


def test_both_directions_and_their_answers():
    assert len(ITEMS) == 32
    assert len({item.id for item in ITEMS}) == 32
    for text, image in zip(ITEMS[::2], ITEMS[1::2], strict=True):
        assert (text.query, image.query) == (Query.TEXT_RETRIEVAL, Query.IMAGE_RETRIEVAL)
        assert image.texts == (text.texts[text.gold[0]],)
        assert image.images[0] == text.images[0]
        assert image.images[0].sha256 != image.images[1].sha256
        assert text.texts[0] != text.texts[1]


def test_a_smaller_count_is_a_part_of_a_larger_one():
    few, more = ({i.id for i in mini_items(n)} for n in (8, 16))
    assert few < more
    kinds = {item.id.removeprefix("text-").rpartition("-")[0] for item in list(mini_items(8))[::2]}
    assert len(kinds) == 4


def test_apart_from_benchmark_and_training():
    pictures = {image.sha256 for item in ITEMS for image in item.images}
    for name in ABILITY:
        benchmark = {i.sha256 for item in TASKS.get(name).items("mini") for i in item.images}
        assert not pictures & benchmark
    training = {SceneExamples(300).example(k, "none", stream("x")).image.sha256 for k in range(300)}
    assert not pictures & training
    reports = {i.sha256 for item in heldout("binding", 20, 0) for i in item.images}
    assert not pictures & reports


def test_a_constant_model_is_at_chance(tmp_path):
    task = held_out_task(ITEMS)
    model = load_model("constant")
    (record,) = evaluate(model, [task], tmp_path / "run", suite=SUITE)
    assert record.score == pytest.approx(0.5)
    assert {m.name: m.n for m in record.metrics} == {"hard_text": 16, "hard_image": 16}
    assert record.task.n_expected == 32
