"""The peak of memory in a record is that of its task; batches and weights that do not fit."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gdbench import ModelCard, load_model
from gdbench.api.results import cost_text
from gdbench.environment import (
    device_bytes_for,
    peak_device_memory_bytes,
    peak_memory_bytes,
    reset_peak_device_memory,
    reset_peak_memory,
)
from gdbench.errors import GdbenchError
from gdbench.evaluation import evaluate
from gdbench.merging import merge
from gdbench.models.diffusion_itm.batching import Batcher, Evaluation
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS

LARGE = 512 * 2**20


class Hungry:
    """Needs much memory for matching alone (Winoground has two texts a picture)."""

    card = ModelCard(name="hungry", revision="1")

    def score(self, images, texts):
        if len(images) == len(texts) == 2:
            np.ones(LARGE, dtype=np.uint8).sum()
        return np.zeros((len(images), len(texts)))


class Allocator:
    """What torch.cuda knows of one device's memory."""

    def __init__(self, weights):
        self.taken = self.peak = weights

    def use(self, n):
        """Take and give back n bytes."""
        self.peak = max(self.peak, self.taken + n)

    def memory_allocated(self, device):
        return self.taken

    def max_memory_allocated(self, device):
        return self.peak

    def reset_peak_memory_stats(self, device):
        self.peak = self.taken


class OnDevice:
    """Takes a device's memory: more for every image, most while it is loaded."""

    card = ModelCard(name="on-device", revision="1")
    device = "cuda:0"

    def __init__(self):
        self.memory = Allocator(weights=1_000)
        self.memory.use(50_000)

    def score(self, images, texts):
        self.memory.use(100 * len(images) + len(texts))
        return np.zeros((len(images), len(texts)))


@pytest.fixture
def on_device(monkeypatch):
    model = OnDevice()
    monkeypatch.setattr(
        "gdbench.environment._device_memory",
        lambda device: model.memory if device == "cuda:0" else None,
    )
    yield model
    reset_peak_device_memory("cuda:0")


def peaks(out, *names):
    records = evaluate(Hungry(), [TASKS.get(n) for n in names], out, suite="mini", limit=1)
    return [r.cost.peak_memory_bytes for r in records]


def test_a_task_does_not_inherit_the_peak_of_the_one_before(tmp_path):
    if not reset_peak_memory():
        pytest.skip("this system cannot reset a process's peak")
    hungry, frugal = peaks(tmp_path, "winoground", "clevr")
    assert hungry - frugal > LARGE / 2
    assert frugal > 2**20


def test_a_peak_that_is_not_the_task_s_own_is_absent(tmp_path, monkeypatch):
    # as on systems without /proc
    monkeypatch.setattr("gdbench.engines.local.reset_peak_memory", lambda: False)
    first, second = peaks(tmp_path, "clevr", "winoground")
    assert first > 2**20
    assert second is None


def test_the_peak_is_measured_anew():
    block = np.ones(LARGE, dtype=np.uint8)
    before = peak_memory_bytes()
    del block
    if not reset_peak_memory():
        pytest.skip("this system cannot reset a process's peak")
    assert before - peak_memory_bytes() > 0.9 * LARGE


def test_the_device_s_own_peak_is_the_task_s_with_the_weights(tmp_path, on_device):
    tasks = [TASKS.get(name) for name in ("flickr30k", "winoground", "clevr")]
    found = evaluate(on_device, tasks, tmp_path / "run", suite="mini", limit=1)
    # the largest question of each: images, texts
    expected = {"flickr30k": (10, 1), "winoground": (2, 2), "clevr": (1, 2)}
    assert {r.task.name: r.cost.peak_device_memory_bytes for r in found} == {
        name: 1_000 + 100 * images + texts for name, (images, texts) in expected.items()
    }
    assert ", 2kB of the device's own at most, cuda:0" in cost_text(found)
    _, report = submit(tmp_path / "run", tmp_path / "submissions")
    assert report.ok, report.problems
    assert verify(tmp_path / "submissions").ok


def test_of_shards_the_largest_peak_counts(tmp_path, on_device):
    task = TASKS.get("winoground")
    for index, more in ((1, 0), (2, 7_000), (3, 0)):
        on_device.memory.taken += more
        evaluate(on_device, [task], tmp_path / str(index), suite="mini", shard=f"{index}/3")
        on_device.memory.taken -= more
    (merged,) = merge([tmp_path / str(index) for index in (1, 2, 3)], tmp_path / "merged")
    assert merged.cost.peak_device_memory_bytes == 1_000 + 7_000 + 202


def test_a_host_has_no_device_memory_and_its_record_no_such_field(tmp_path):
    (record,) = evaluate(Hungry(), [TASKS.get("clevr")], tmp_path, suite="mini", limit=1)
    assert record.cost.peak_device_memory_bytes is None
    assert "the device's own" not in cost_text([record])
    written = json.loads((tmp_path / "clevr/record.json").read_text())
    assert "peak_device_memory_bytes" not in written["cost"]


def test_a_probe_leaves_the_peak_as_it_was(on_device):
    reset_peak_device_memory("cuda:0")
    on_device.memory.use(3_000)
    assert device_bytes_for(lambda: on_device.memory.use(400), "cuda:0") == 400
    assert device_bytes_for(lambda: on_device.memory.use(800), "cuda:0") == 800
    assert peak_device_memory_bytes("cuda:0") == 4_000
    on_device.memory.use(5_000)
    assert peak_device_memory_bytes("cuda:0") == 6_000
    reset_peak_device_memory("cuda:0")
    assert peak_device_memory_bytes("cuda:0") == 1_000


def test_the_batch_of_a_gpu_follows_from_what_a_sample_takes(on_device, monkeypatch):
    """A batch of n takes 300 + 700 n bytes; of 100,000 a fifth is left for others."""
    clock = SimpleNamespace(device=torch.device("cuda:0"))
    batcher = Batcher(SimpleNamespace(dtype=torch.float16), [1], torch.zeros, clock)

    def launch(part, size, *, plain):
        # a compiled network would be compiled for every size of the probe
        assert plain
        # prompts of one picture take less
        assert len({id(evaluation.latent) for evaluation in part}) == size
        return SimpleNamespace(wait=lambda: on_device.memory.use(300 + 700 * size))

    monkeypatch.setattr(batcher, "_launch", launch)
    monkeypatch.setattr("gdbench.models.diffusion_itm.batching.free_memory", lambda device: 100_000)
    sample = Evaluation(torch.zeros(4), None, 0)
    assert batcher._fits(sample) == (80_000 - 1_000) // 700
    assert batcher.size_for(lambda: sample) == 64
    # the peak is still that from when the model was loaded
    assert peak_device_memory_bytes("cuda:0") == 51_000


@pytest.mark.parametrize(
    ("model", "part", "ways"),
    [
        ("mini-sd", "diffusers.UNet2DConditionModel.from_pretrained", "float16 or --offload or"),
        (
            "mini-sd",
            "gdbench.models.diffusion_itm.families.channels_last.placed",
            "float16 or --offload or",
        ),
        ("mini-clip", "open_clip.create_model_from_pretrained", "--dtype float16 or a device"),
        ("mini-itm", "transformers.AutoProcessor.from_pretrained", "a device with more memory"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(model, part, ways, monkeypatch):
    monkeypatch.setattr(part, lambda *_, **__: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(GdbenchError, match=f"^out of memory while {model} was loaded: .*{ways}"):
        load_model(model, device="cpu")
