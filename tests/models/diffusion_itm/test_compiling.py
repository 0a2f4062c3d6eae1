"""Compiling by itself: when, for what, and what is left as it was. The compiler only counts."""

import logging
from functools import partial

import numpy as np
import pytest
import torch

from gdbench.engines.processes import ProcessEngine
from gdbench.evaluation import evaluate
from gdbench.models import load_model
from gdbench.models.diffusion_itm import adapter
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.compiling import pays
from gdbench.run import ModelRequest, Where
from gdbench.tasks import TASKS

MANY, FEW = 10**12, 10


class Counting:
    """A compiler that leaves a graph as it is, and counts."""

    def __init__(self):
        self.graphs = self.runs = 0
        self.fault = None

    def __call__(self, graph, inputs):
        if self.fault is not None:
            raise self.fault
        self.graphs += 1

        def run(*arguments):
            self.runs += 1
            return graph.forward(*arguments)

        return run


@pytest.fixture
def compiler(monkeypatch):
    counting = Counting()
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counting))
    # as if the CPU were a GPU
    monkeypatch.setattr(adapter, "BY_ITSELF", ("cpu",))
    yield counting
    torch._dynamo.reset()


def errors(model, items):
    return [scores.errors for scores in model.score_items(items)]


def same(found, expected, rtol=1e-5):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol)


def test_it_pays_from_where_compiling_and_faster_passes_take_less_than_slower_ones():
    """60 s of compiling, then 150 passes a second where there were 115, of 804.3 GFLOP each."""
    for passes in (1_000, 29_500, 29_650, 1_000_000):
        assert pays(passes, round(804.3e9)) == (60 + passes / 150 <= passes / 115)
    # of a smaller network it takes more passes
    assert not pays(1_000_000, round(804.3e9 / 100))
    assert pays(3_000_000, round(804.3e9 / 100))


def test_long_work_is_compiled_short_work_is_not_and_the_two_can_follow(load, items, compiler):
    expected = errors(load(compile=False), items)
    model = load()
    model.expect_passes(FEW)
    same(errors(model, items), expected, rtol=0)
    assert compiler.graphs == 0
    model.expect_passes(MANY)
    same(errors(model, items), expected)
    graphs, runs = compiler.graphs, compiler.runs
    assert graphs >= 1
    assert runs > graphs
    # a short task after a long one is run as it would be alone
    model.expect_passes(FEW)
    same(errors(model, items), expected, rtol=0)
    assert (compiler.graphs, compiler.runs) == (graphs, runs)
    model.expect_passes(MANY)
    same(errors(model, items), expected)
    assert compiler.graphs == graphs
    assert compiler.runs > runs


def test_every_graph_is_compiled_for_one_shape(load, items, compiler, monkeypatch):
    """Also where the batch size is probed first, and where a batch is not full.

    How many graphs there are depends on torch: 2.7 breaks the trunk into three.
    """
    plain = load(batch_size=8)
    plain.expect_passes(MANY)
    errors(plain, items[:1])
    once = compiler.graphs
    assert once >= 2  # the stem and the trunk
    errors(plain, items)
    assert compiler.graphs == once
    torch._dynamo.reset()
    probed = load(batch_size=None)
    monkeypatch.setattr(probed.batcher, "_fits", partial(probing, probed.batcher))
    probed.expect_passes(MANY)
    errors(probed, items)
    assert compiler.graphs == 2 * once


def probing(batcher, sample):
    for n in (2, 1):
        batcher._launch([sample] * n, n, plain=True).wait()
    return 8


@pytest.mark.parametrize("said", [True, False])
def test_what_was_said_holds_whatever_is_expected(load, items, compiler, said):
    model = load(compile=said)
    for passes in (FEW, MANY, FEW):
        model.expect_passes(passes)
        before = compiler.runs
        errors(model, items[:1])
        assert (compiler.runs > before) == said


def test_on_the_cpu_nothing_is_compiled_by_itself(load, items, compiler, monkeypatch):
    monkeypatch.undo()
    model = load()
    model.expect_passes(MANY)
    errors(model, items[:1])
    assert compiler.graphs == 0


def test_a_compiler_that_fails_is_told_once_and_left_alone(load, items, compiler, caplog):
    expected = errors(load(compile=False), items)
    compiler.fault = RuntimeError("no C compiler here\nand a long trace")
    model = load()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            model.expect_passes(MANY)
            same(errors(model, items), expected, rtol=0)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "could not be compiled and is run as it is" in told[0]
    assert "no C compiler here" in told[0]
    assert "\n" not in told[0]
    with pytest.raises(Exception, match="no C compiler here"):
        errors(load(compile=True), items)


def test_a_model_whose_shapes_follow_from_the_text_is_not_compiled(load, items, compiler):
    model = load()
    model.prices = model.prices.model_copy(update={"network": 0, "unknown": "it varies"})
    model.expect_passes(MANY)
    errors(model, items[:1])
    assert compiler.graphs == 0


def test_a_task_that_goes_on_expects_what_it_expected_at_first(tmp_path, monkeypatch):
    expected = []
    monkeypatch.setattr(DiffusionITM, "expect_passes", lambda _, passes: expected.append(passes))
    task, whole = TASKS.get("winoground"), {"suite": "mini", "limit": 3}
    model = load_model("mini-sd", samples=2, device="cpu")
    (record,) = evaluate(model, [task], tmp_path / "at once", **whole)
    evaluate(model, [task], tmp_path / "run", suite="mini", limit=1)
    evaluate(model, [task], tmp_path / "run", **whole)
    at_once, one_item, gone_on = expected
    assert at_once == gone_on == record.cost.unet_evaluations
    assert one_item == at_once // 3


def test_each_of_two_processes_expects_half(tmp_path, monkeypatch):
    sent = []
    ask = ProcessEngine._ask

    def asked(self, seat, *message):
        sent.append(message)
        ask(self, seat, *message)

    monkeypatch.setattr(ProcessEngine, "_ask", asked)
    request = ModelRequest.model_validate({"model": "mini-sd", "settings": {"samples": 2}})
    with ProcessEngine(request, Where(), ("cpu", "cpu")) as engine:
        (record,) = evaluate(engine, [TASKS.get("winoground")], tmp_path, suite="mini", limit=3)
    passes = {message[2] for message in sent if message[0] == "score"}
    assert passes == {record.cost.unet_evaluations // 2}
