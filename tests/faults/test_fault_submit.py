"""A `submit` that is killed: the old or the new one stands, and the next `submit` clears up."""

import os
import random
import shutil
import signal

import pytest

from gdbench.errors import GdbenchError
from gdbench.evaluation import evaluate
from gdbench.models.baselines import Random
from gdbench.submissions import staging
from gdbench.submissions.staging import staged
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from tests.faults.conftest import at_file_step


@pytest.fixture
def two(tmp_path):
    """A tree with a submission, a run to replace it with, and the place of both."""
    runs = [tmp_path / "old-run", tmp_path / "new-run"]
    for out, limit in zip(runs, (6, 8), strict=True):
        evaluate(Random(), [TASKS.get("winoground")], out, suite="mini", limit=limit)
    tree = tmp_path / "tree"
    (place,), _ = submit(runs[0], tree)
    return tree, runs[1], place.relative_to(tree)


@pytest.fixture(params=["exchange", "fallback"])
def swaps(request, monkeypatch):
    """Whether folders are exchanged in one step; file systems of networks often cannot."""
    if request.param == "fallback":
        monkeypatch.setattr(staging, "exchange", lambda one, other: False)
    return request.param == "exchange"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed_at_steps(two, swaps, child, tmp_path, moments):
    tree, run, place = two
    old, steps = content(tree / place), tmp_path / "steps"

    def counting():
        to = shutil.copytree(tree, tmp_path / "counted")
        count = at_file_step(to, 0, None)
        submit(run, to, replace=True)
        steps.write_text(str(count()))

    os.waitpid(child(counting), 0)
    new = content(tmp_path / "counted" / place)
    assert old != new
    n_steps = int(steps.read_text())
    for step in random.Random(0).sample(range(1, n_steps + 1), min(moments, n_steps)):
        to = shutil.copytree(tree, tmp_path / f"killed-{step}")

        def mortal(to=to, step=step):
            at_file_step(to, step, lambda: os.kill(os.getpid(), signal.SIGKILL))
            submit(run, to, replace=True)

        _, status = os.waitpid(child(mortal), 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        if swaps:
            assert content(to / place) in (old, new)
        # whatever the next one is about, it puts back what was taken away
        with staged(to):
            assert content(to / place) in (old, new)
        assert verify(to).ok
        _, report = submit(run, to, replace=True)
        assert report.ok
        assert content(to / place) == new
        assert [path.name for path in to.iterdir()] == [place.parts[0]]


def test_kill_9_while_submitting(two, swaps, child, tmp_path):
    killed_at_steps(two, swaps, child, tmp_path, 8)


@pytest.mark.soak
def test_kill_9_before_every_file_that_submit_touches(two, swaps, child, tmp_path):
    killed_at_steps(two, swaps, child, tmp_path, 10_000)


def test_without_an_exchange_the_old_one_is_kept_until_the_new_one_stands(
    two, monkeypatch, tmp_path
):
    tree, run, place = two
    old = content(tree / place)
    monkeypatch.setattr(staging, "exchange", lambda one, other: False)
    rename = os.rename

    def full(source, target, **options):
        if "/new/" in str(source):
            raise OSError(28, "No space left on device")
        return rename(source, target, **options)

    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", full)
        with pytest.raises(GdbenchError, match="no space left"):
            submit(run, tree, replace=True)
    assert content(tree / place) == old
    assert [path.name for path in tree.iterdir()] == [place.parts[0]]
    _, report = submit(run, tree, replace=True)
    assert report.ok
    assert content(tree / place) != old
