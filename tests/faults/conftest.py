"""A tiny run with many fragments, and processes that may be stopped in the middle of it."""

import os
import sys
import time
from functools import partial

import numpy as np
import pytest

from gdbench import evaluation
from gdbench.cli.interruption import goes_on, terminable
from gdbench.evaluation import evaluate
from gdbench.protocol import ModelCard, Scores
from gdbench.records import ModelSettings
from gdbench.store import ScoreLog


class Noisy:
    """Seeded errors at eight timesteps, a few milliseconds an item where asked."""

    card = ModelCard(name="noisy", revision="1")

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        steps = tuple(range(8))
        self.settings = ModelSettings(timesteps=steps, samples=8, normalise=False, norm="l2")

    def score(self, images, texts):
        raise NotImplementedError

    def score_items(self, items):
        for item in items:
            time.sleep(self.seconds)
            rng = np.random.default_rng([ord(c) for c in item.id])
            errors = rng.random((len(item.images), len(item.texts), 8), dtype=np.float32) + 1
            yield Scores(item.id, -errors.mean(axis=-1), errors)


def timeless(record):
    data = record.model_dump(mode="json")
    del data["created"], data["environment"]
    for name in ("wall_seconds", "peak_memory_bytes"):
        del data["cost"][name]
    return data


@pytest.fixture
def run(colour_task, monkeypatch):
    """Evaluate into a folder, with a part of the log for every five items."""
    monkeypatch.setattr(evaluation, "ScoreLog", partial(ScoreLog, flush_items=5))

    def go(out, seconds=0.0):
        (record,) = evaluate(Noisy(seconds), [colour_task], out, suite="mini")
        return record

    return go


@pytest.fixture
def child():
    """Start a function in a process of its own; its pid. It ends with 0, or 130 when stopped."""
    started = []

    def start(function, *arguments):
        pid = os.fork()
        if pid:
            started.append(pid)
            return pid
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with terminable():
                goes_on(function)(*arguments)
            code = 0
        except BaseException as error:  # noqa: BLE001 # the process ends here, whatever it was
            code = 130 if "interrupted" in str(error) else 1
        finally:
            os._exit(code)

    yield start
    for pid in started:
        try:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def at_file_step(out, step, act):
    """Do something before the `step`-th time that this process touches a name below `out`."""
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and any(
            str(out) in str(argument) for argument in arguments[:2]
        ):
            seen += 1
            if seen == step:
                act()

    sys.addaudithook(hook)
    return lambda: seen
