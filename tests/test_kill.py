"""A run killed by SIGKILL at some moment and started again ends in the same record."""

import json
import os
import signal
import subprocess
import sys
import time

SLOW = """\
import time
import numpy as np
from gdbench import ModelCard
from gdbench.models.baselines import Random


class Slow(Random):
    card = ModelCard(name="slow")

    def score(self, images, texts):
        time.sleep(0.02)
        return super().score(images, texts)
"""


def start(folder, out):
    return subprocess.Popen(
        [
            sys.executable, "-c", "from gdbench.cli import main; main()", "evaluate",
            "--model", f"{folder / 'slow.py'}:Slow", "--suite", "mini",
            "--tasks", "winoground,aro", "--out", str(out),
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def records(out):
    found = {}
    for path in sorted(out.glob("*/record.json")):
        data = json.loads(path.read_text())
        del data["created"], data["cost"]["wall_seconds"], data["cost"]["peak_memory_bytes"]
        del data["environment"]  # names the commit, and somebody may commit meanwhile
        found[path.parent.name] = data
    return found


def test_kill_and_restart(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    assert start(tmp_path, tmp_path / "whole").wait(timeout=300) == 0
    process = start(tmp_path, tmp_path / "run")
    deadline = time.monotonic() + 120
    # at least one part of the second task is on disk, and the task is not finished
    while not list((tmp_path / "run/aro/parts").glob("*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "run/aro/record.json").exists()
    assert start(tmp_path, tmp_path / "run").wait(timeout=300) == 0
    assert records(tmp_path / "run") == records(tmp_path / "whole")
    assert set(records(tmp_path / "run")) == {"winoground", "aro"}
