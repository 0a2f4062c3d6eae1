"""Real Ray with two workers on this machine; every test is one or two commands."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from gdbench.tasks import TASKS
from gdbench.tasks.base import limited

# importing it here would warn of files that it leaves open
if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install 'gdbench[ray]'", allow_module_level=True)

MODEL = """\
import os
import time
from pathlib import Path
from gdbench import ModelCard
from gdbench.models.baselines import Random

class Mine(Random):
    card = ModelCard(name="mine")

    def score(self, images, texts):
        for path in sorted(Path.cwd().glob("do-*")):
            if path.name == "do-wait":
                time.sleep(0.2)
            if path.name == "do-die" and take(path):
                os._exit(9)
            if path.name == "do-edit" and take(path):
                Path("mine.py").write_text(Path("mine.py").read_text() + "# changed\\n")
                os._exit(9)
            if path.name == "do-fail" and path.read_text() in texts:
                raise ValueError("cannot score this")
        return super().score(images, texts)

def take(path):
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MODEL)
    return tmp_path


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "gdbench", *words],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def gdbench(folder, *words):
    process = start(folder, *words)
    _, err = process.communicate(timeout=600)
    assert "Traceback" not in err
    return process.returncode, err


def evaluate(out, *more, model="mine.py:Mine", task="winoground"):
    return ("evaluate", "-m", model, "--suite", "mini", "--tasks", task, "--out", out, *more)


RAY = ("--engine", "ray", "--workers", "2")


def record(folder, out):
    data = json.loads((folder / out / "winoground/record.json").read_text())
    # names the commit, and somebody may commit meanwhile
    del data["created"], data["environment"]
    return data


def test_local_ray_and_merged_shards_are_one_record(tmp_path):
    model = "mini-sd"
    # enough for several shards
    options = ("--limit", "10", "--samples", "20", "--device", "cpu", "--batch-size", "8")
    assert gdbench(tmp_path, *evaluate("local", *options, model=model))[0] == 0
    code, err = gdbench(tmp_path, *evaluate("ray", *options, *RAY, model=model))
    assert code == 0, err
    names = [f"shard{i}" for i in (1, 2, 3)]
    for i, name in enumerate(names, 1):
        code, err = gdbench(tmp_path, *evaluate(name, *options, "--shard", f"{i}/3", model=model))
        assert code == 0, err
    assert gdbench(tmp_path, "merge", *names, "--out", "merged")[0] == 0
    whole, ray, merged = (record(tmp_path, name) for name in ("local", "ray", "merged"))
    costs = [r.pop("cost") for r in (whole, ray, merged)]
    assert whole == ray == merged
    assert costs[0]["devices"] == []
    assert 1 <= len(costs[1]["devices"]) <= 2
    assert len(costs[2]["devices"]) == 3
    assert costs[1]["unet_evaluations"] >= costs[0]["unet_evaluations"] > 0


def test_lost_workers_and_bad_items(folder):
    (folder / "do-die").touch()
    asked = list(limited(TASKS.get("winoground").items("mini"), 40))
    (folder / "do-fail").write_text(asked[7].texts[0])
    code, err = gdbench(folder, *evaluate("run", "--limit", "40", *RAY))
    assert code == 1, err
    assert "was lost" in err
    assert "set aside" in err
    assert "cannot score this" in err
    assert not (folder / "do-die").exists()
    assert not (folder / "run/winoground/record.json").exists()
    (folder / "do-fail").unlink()
    # another engine goes on where this one stopped
    code, err = gdbench(folder, *evaluate("run", "--limit", "40"))
    assert code == 0, err
    assert "resumed" in err
    assert gdbench(folder, *evaluate("whole", "--limit", "40"))[0] == 0
    run, whole = record(folder, "run"), record(folder, "whole")
    del run["cost"], whole["cost"]
    assert run == whole


def test_a_model_that_changes_between_workers_is_refused(folder):
    (folder / "do-edit").touch()
    code, err = gdbench(folder, *evaluate("run", *RAY))
    assert code == 2
    assert "has another model than the first worker" in err
    assert not (folder / "run/winoground/record.json").exists()


def test_ctrl_c_ends_cleanly_and_the_run_goes_on(folder):
    (folder / "do-wait").touch()
    process = start(folder, *evaluate("run", *RAY))
    deadline = time.monotonic() + 300
    while not list((folder / "run/winoground/parts").glob("*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted; start the same command again to go on" in err
    assert "Traceback" not in err
    (folder / "do-wait").unlink()
    code, err = gdbench(folder, *evaluate("run"))
    assert code == 0, err
    assert "resumed" in err


def test_no_cluster_at_the_address_is_one_line(folder):
    code, err = gdbench(folder, *evaluate("run", "--engine", "ray", "--address", "auto"))
    assert code == 2
    assert "no Ray cluster there" in err
    assert len(err.strip().splitlines()) == 1
