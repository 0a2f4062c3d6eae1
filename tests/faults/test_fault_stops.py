"""Whenever a run is stopped, the same command ends in the record of an undisturbed run."""

import os
import random
import shutil
import signal
import time

import pytest

from gdbench.errors import GdbenchError
from gdbench.evaluation import evaluate
from gdbench.run_lock import LOCK, STALE, LockedError, Owner
from gdbench.tasks import TASKS
from tests.faults.conftest import Noisy, at_file_step, timeless


def clean(out):
    left = [p.name for p in out.rglob("*") if p.name.endswith(".tmp") or p.name.startswith(LOCK)]
    return left == [] and not list(out.rglob("*.damaged*"))


def file_steps(run, child, out, counted):
    """How often an undisturbed run touches a name."""

    def counting():
        count = at_file_step(out, 0, None)
        run(out)
        counted.write_text(str(count()))

    os.waitpid(child(counting), 0)
    return int(counted.read_text())


def killed_at_steps(run, child, tmp_path, moments):
    steps = file_steps(run, child, tmp_path / "counted", tmp_path / "steps")
    whole = timeless(run(tmp_path / "whole"))
    chosen = random.Random(0).sample(range(1, steps + 1), min(moments, steps))
    for step in chosen:
        out = tmp_path / f"killed-{step}"

        def mortal(out=out, step=step):
            at_file_step(out, step, lambda: os.kill(os.getpid(), signal.SIGKILL))
            run(out)

        _, status = os.waitpid(child(mortal), 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        # a lock that was made and not yet written is not anybody's for some seconds
        lock = out / LOCK
        if lock.exists() and not lock.read_bytes():
            os.utime(lock, (time.time() - 60,) * 2)
        assert timeless(run(out)) == whole
        assert clean(out)


def test_kill_9_before_a_file_is_touched(run, child, tmp_path):
    # in fragments, in the compacted file, in the lock, in run.json and in the record
    killed_at_steps(run, child, tmp_path, 30)


@pytest.mark.soak
def test_kill_9_before_every_file_that_is_touched(run, child, tmp_path):
    killed_at_steps(run, child, tmp_path, 10_000)


@pytest.mark.parametrize("signals", [["TERM"], ["INT"], ["INT", "INT"], ["KILL"]])
def test_signals_at_seeded_times(signals, run, child, tmp_path):
    whole = timeless(run(tmp_path / "whole"))
    rng = random.Random(str(signals))
    for trial in range(4):
        out = tmp_path / str(trial)
        pid = child(run, out, 0.01)
        while not list(out.glob("*/parts/*.parquet")):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        for name in signals:
            os.kill(pid, getattr(signal, f"SIG{name}"))
            time.sleep(0.002)
        _, status = os.waitpid(pid, 0)
        if signals == ["KILL"]:
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        elif len(signals) == 1:
            assert os.WEXITSTATUS(status) in (0, 130)
            assert not (out / LOCK).exists()
        assert timeless(run(out)) == whole
        assert clean(out)


def test_a_second_process_is_refused_and_the_first_goes_on(run, child, tmp_path):
    whole, out = timeless(run(tmp_path / "whole")), tmp_path / "run"
    pid = child(run, out, 0.05)
    while not (out / "run.json").exists():
        time.sleep(0.01)
    with pytest.raises(LockedError, match=f"in use by .*process {pid} on .*another --out"):
        run(out)
    _, status = os.waitpid(pid, 0)
    assert os.WEXITSTATUS(status) == 0
    assert timeless(run(out)) == whole


def test_stale_locks_are_taken_over(run, tmp_path):
    whole, out = timeless(run(tmp_path / "whole")), tmp_path / "run"
    out.mkdir()
    me = Owner.here()
    rebooted, reused = me.model_copy(update={"boot": "x"}), me.model_copy(update={"started": 1.0})
    far = me.model_copy(update={"host": "elsewhere"})
    for owner, age in ((rebooted, 0), (reused, 0), (far, STALE + 60)):
        (out / LOCK).write_text(owner.model_dump_json())
        os.utime(out / LOCK, (time.time() - age,) * 2)
        assert timeless(run(out)) == whole
    (out / LOCK).write_text(far.model_dump_json())
    with pytest.raises(LockedError, match="on elsewhere"):
        run(out)


def test_a_folder_that_is_removed_while_it_runs_is_no_success(tmp_path):
    out = tmp_path / "run"

    class Removing(Noisy):
        def score_items(self, items):
            shutil.rmtree(out)
            yield from super().score_items(items)

    with pytest.raises(GdbenchError, match=r"run\.json was removed while the run was going on"):
        evaluate(Removing(), [TASKS.get("winoground")], out, suite="mini", limit=2)
