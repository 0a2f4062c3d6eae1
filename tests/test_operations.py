"""Floating-point operations of a run: against torch's counter on the run, and against formulas."""

import json

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.merging import merge
from gdbench.models import load_request
from gdbench.models.flops import counted
from gdbench.models.own import own_model
from gdbench.operations import logged_passes
from gdbench.protocol import Scores
from gdbench.records import Cost, Operations, Prices
from gdbench.run import asked
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from gdbench.tasks.base import limited


def loaded(name, **options):
    return load_request(*asked(name, device="cpu", **options))


def run(model, tasks, out, **conditions):
    return evaluate(model, [TASKS.get(t) for t in tasks], out, suite="mini", **conditions)


def operations(records):
    return [record.cost.operations for record in records]


@pytest.mark.parametrize("model", ["mini-sd", "mini-flow", "mini-clip", "mini-itm"])
def test_the_operations_of_a_run_are_those_that_torch_counts_while_it_runs(
    tmp_path, monkeypatch, model
):
    """One sample a batch: nothing is padded, and nothing is shared within a batch."""
    options = {} if model in ("mini-clip", "mini-itm") else {"samples": 1}
    found = loaded(model, batch_size=1, **options)
    # counted before, or their own passes would be counted too
    assert found.prices.picture
    if model == "mini-itm":
        for item in limited(TASKS.get("svo").items("mini", None, None), 1, 0):
            for text in item.texts:
                assert found.pass_flops_of(text)
    if model == "mini-clip":
        # the smallest batch of a dual encoder, so that none is padded
        monkeypatch.setattr(found, "batch_size", 1)
        torch.backends.mha.set_fastpath_enabled(False)
    # as plain products, which every torch counts: 2.7 has no formula for the CPU's own attention
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        (record,) = run(found, ["svo"], tmp_path, limit=1)
    torch.backends.mha.set_fastpath_enabled(True)
    assert record.cost.flops == counter.get_total_flops() > 0


@pytest.mark.parametrize(
    "kernel",
    sorted(
        name
        for name in {name.partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}
        if name.startswith("aten::_scaled_dot_product_")
        # the backward passes are no part of a run, and plain products are counted as such
        and not name.endswith(("_backward", "_math"))
    ),
)
def test_no_kernel_of_attention_is_counted_as_nothing(kernel):
    """On which device it runs, and which torch counts it, is no matter."""
    operation = getattr(torch.ops.aten, kernel.removeprefix("aten::")).default
    more = [a for a in operation._schema.arguments[3:] if not a.has_default_value()]
    asked_for = {a.name: None if a.name == "attn_bias" else False for a in more}
    shape = {"dtype": torch.float16, "device": "meta"}
    query, key = torch.empty(2, 3, 5, 16, **shape), torch.empty(2, 3, 7, 16, **shape)

    def attend():
        try:
            operation(query, key, key, **asked_for)
        except NotImplementedError:
            pytest.skip("no meta kernel")

    assert counted(attend) == 2 * (2 * 2 * 3 * 5 * 7 * 16)


def test_operations_do_not_depend_on_batches_shards_or_interruptions(tmp_path):
    options = {"samples": 2, "schedule": "nested"}
    tasks = ["flickr30k", "winoground"]
    whole = run(loaded("mini-sd", **options), tasks, tmp_path / "whole", limit=2)
    small = run(loaded("mini-sd", batch_size=3, **options), tasks, tmp_path / "small", limit=2)
    for k in (1, 2):
        run(loaded("mini-sd", **options), tasks, tmp_path / f"s{k}", limit=2, shard=f"{k}/2")
    merged = merge([tmp_path / "s2", tmp_path / "s1"], tmp_path / "merged")
    # first at one timestep and with fewer items, then the rest
    run(loaded("mini-sd", samples=1, schedule="nested"), tasks, tmp_path / "grown", limit=1)
    grown = run(loaded("mini-sd", **options), tasks, tmp_path / "grown", limit=2)
    by_task = {record.task.name: record.cost.operations for record in merged}
    assert operations(whole) == operations(small) == operations(grown)
    assert [by_task[name] for name in tasks] == operations(whole)
    assert all(isinstance(o, Operations) and o.flops for o in operations(whole))


def test_the_operations_of_the_mini_clip_follow_from_its_widths():
    """Transformers by hand: a layer has (8 + 4 r) L W^2 + 4 L^2 W operations.

    L tokens of width W: 6 L W^2 for queries, keys and values, 4 L^2 W for the attention, 2 L W^2
    for its output, 4 r L W^2 for an MLP that is r times as wide.
    """
    model = loaded("mini-clip")
    clip = model._model
    visual = clip.visual

    def layers(transformer, length):
        width, depth = transformer.width, transformer.layers
        ratio = transformer.resblocks[0].mlp.c_fc.out_features / width
        return depth * ((8 + 4 * ratio) * length * width**2 + 4 * length**2 * width)

    width, patch = visual.conv1.out_channels, visual.conv1.kernel_size[0]
    patches = visual.grid_size[0] * visual.grid_size[1]
    picture = 2 * patches * width * 3 * patch**2
    picture += layers(visual.transformer, patches + 1) + 2 * width * visual.proj.shape[1]
    length = clip.context_length
    text = layers(clip.transformer, length)
    text += 2 * clip.transformer.width * clip.text_projection.shape[-1]
    assert model.prices == Prices(picture=picture, text=text)


def test_passes_that_take_more_for_longer_texts_are_counted_text_by_text(tmp_path):
    model = loaded("mini-itm")
    (record,) = run(model, ["svo"], tmp_path / "run", limit=1)
    items = list(limited(TASKS.get("svo").items("mini", None, None), 1, 0))
    pairs = {(i.sha256, t) for item in items for i in item.images for t in item.texts}
    found = record.cost.operations
    assert found.passes == len(pairs)
    assert found.varying_flops == sum(model.pass_flops_of(text) for _, text in pairs)
    assert model.pass_flops_of("a") < model.pass_flops_of("a red square left of a blue circle")
    _, report = submit(tmp_path / "run", tmp_path / "to")
    assert report.ok, report.problems


def test_a_control_is_charged_for_what_it_sees(tmp_path):
    (whole,) = run(loaded("mini-clip"), ["svo"], tmp_path / "a", limit=2)
    (blind,) = run(loaded("control:text-only:mini-clip"), ["svo"], tmp_path / "b", limit=2)
    assert blind.cost.operations.pictures == 1 < whole.cost.operations.pictures
    assert blind.cost.operations.texts == whole.cost.operations.texts


def test_a_rule_that_stops_early_is_charged_for_what_it_saw(tmp_path):
    model = loaded("mini-sd", samples=32, stop="sequential", delta=0.4)
    (record,) = run(model, ["svo"], tmp_path, limit=1)
    items = list(limited(TASKS.get("svo").items("mini", None, None), 1, 0))
    pairs = sum(len(item.images) * len(item.texts) for item in items)
    pictures = sum(len(item.images) for item in items)
    assert record.cost.operations.passes == record.cost.unet_evaluations
    assert record.cost.operations.passes < 32 * (pairs + pictures)


class Mine:
    """A model of somebody's own, whose networks nobody knows."""

    def __init__(self, card):
        self.card = card

    def score(self, images, texts):
        return torch.zeros(len(images), len(texts))


class Failing(Mine):
    @property
    def prices(self):
        raise InputError("no")


@pytest.mark.parametrize(("kind", "why"), [(Mine, "does not say"), (Failing, "InputError")])
def test_unknown_operations_say_why_and_are_no_zero(tmp_path, kind, why):
    model = own_model(kind(loaded("random").card))
    (record,) = run(model, ["svo"], tmp_path, limit=2)
    assert why in record.cost.operations
    assert record.cost.flops is None
    kept = json.loads((tmp_path / "svo" / "record.json").read_text())["cost"]
    assert Cost(**kept) == record.cost
    del kept["operations"]
    assert Cost(**kept).flops is None


@pytest.mark.parametrize(
    ("name", "value"), [("pictures", 0), ("texts", 10**6), ("passes", 1), ("pass_flops", 0)]
)
def test_counts_that_cannot_be_are_found_out(tmp_path, name, value):
    run(loaded("mini-sd", samples=2), ["svo"], tmp_path / "run", limit=1)
    (place,), report = submit(tmp_path / "run", tmp_path / "to")
    assert report.ok, report.problems
    path = place / "record.json"
    record = json.loads(path.read_text())
    record["cost"]["operations"][name] = value
    path.write_text(json.dumps(record))
    problems = verify(tmp_path / "to").problems
    assert [p.check for p in problems] == ["cost"], problems


def test_pictures_that_begin_alike_are_two_and_a_stopped_row_is_a_part_of_the_longer():
    def scores(name, *base):
        errors = np.ones((len(base), 1, 4), np.float32)
        return Scores(name, np.zeros((len(base), 1)), errors, np.array(base, np.float32))

    stopped, whole, other = [2, 3, np.nan, np.nan], [2, 3, 4, 5], [2, 7, 4, 5]
    log = [scores("a", stopped), scores("b", whole, other), scores("c", stopped)]
    # four of the pair in each item, whose rows are equal; the picture's four; the other's four
    assert logged_passes(log) == 3 * 4 + 4 + 4
    assert logged_passes(log[::-1]) == 3 * 4 + 4 + 4


def test_equal_pairs_of_an_item_count_once_where_a_rule_stopped():
    row = [2, 3, np.nan, np.nan]
    errors = np.array([[row, row, [4, 5, 6, 7]], [row, row, [4, 5, 6, 7]]], np.float32)
    assert logged_passes([Scores("a", np.zeros((2, 3)), errors)]) == 2 + 4
