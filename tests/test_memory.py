"""The peak of memory in a record is that of its task."""

import numpy as np
import pytest

from gdbench import ModelCard
from gdbench.environment import peak_memory_bytes, reset_peak_memory
from gdbench.evaluation import evaluate
from gdbench.tasks import TASKS

LARGE = 512 * 2**20


class Hungry:
    """Needs much memory for matching alone (Winoground has two texts a picture)."""

    card = ModelCard(name="hungry", revision="1")

    def score(self, images, texts):
        if len(images) == len(texts) == 2:
            np.ones(LARGE, dtype=np.uint8).sum()
        return np.zeros((len(images), len(texts)))


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
