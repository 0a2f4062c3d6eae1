"""Real Ray, two workers on this machine: one cluster for all tests but the one that kills it."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from gdbench.cli import main
from gdbench.tasks import TASKS
from gdbench.tasks.base import limited

# a token of these tests alone, and threads that leave a core to the others
ENVIRONMENT = os.environ | {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
    # of a busy machine
    "RAY_raylet_start_wait_time_s": "120",
}
MODEL = """\
import os
import time
from pathlib import Path
from gdbench import ModelCard
from gdbench.models.baselines import Random

class Mine(Random):
    card = ModelCard(name="mine")

    def score(self, images, texts):
        # who loaded the file before it was edited scores nothing more
        while Path("edited").exists():
            time.sleep(0.1)
        for path in sorted(Path.cwd().glob("do-*")):
            if path.name == "do-wait":
                time.sleep(0.2)
            if path.name == "do-die" and take(path):
                os._exit(9)
            if path.name == "do-edit" and take(path):
                Path("edited").touch()
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


def started_head(folder, port):
    """The process of a head with two cores of its own, None where Ray was not in time."""
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block",
        "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2",
        "--include-dashboard=false", f"--temp-dir={folder}",
    ]  # fmt: skip
    log = folder / "head.log"
    with log.open("w") as told:
        head = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=told, stderr=told, start_new_session=True
        )
    while "Ray runtime started" not in log.read_text():
        if head.poll() is not None:
            return None
        time.sleep(0.2)
    return head


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A cluster for many commands."""
    for _ in range(3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        head = started_head(tmp_path_factory.mktemp("ray"), port)
        if head is not None:
            yield f"127.0.0.1:{port}"
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
            return
    pytest.fail("Ray did not start in three tries")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MODEL)
    return tmp_path


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "gdbench", *words],
        cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def ray(folder, address, *words):
    """A command with two workers of the cluster."""
    process = start(folder, *words, *workers_at(address))
    _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    return process.returncode, err


def workers_at(address):
    return "--engine", "ray", "--workers", "2", "--address", address


@pytest.fixture
def local(folder, monkeypatch, capsys):
    """A command in this process, which need not start."""

    def run(*words):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["gdbench", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, capsys.readouterr().err

    return run


def evaluate(out, *more, model="mine.py:Mine", task="winoground"):
    return ("evaluate", "-m", model, "--suite", "mini", "--tasks", task, "--out", out, *more)


def record(folder, out):
    data = json.loads((folder / out / "winoground/record.json").read_text())
    # names the commit, and somebody may commit meanwhile
    del data["created"], data["environment"]
    return data


def test_local_ray_and_merged_shards_are_one_record(folder, address, local):
    model = "mini-sd"
    # enough for several shards
    options = ("--limit", "10", "--samples", "20", "--device", "cpu", "--batch-size", "8")
    assert local(*evaluate("local", *options, model=model))[0] == 0
    code, err = ray(folder, address, *evaluate("ray", *options, model=model))
    assert code == 0, err
    names = [f"shard{i}" for i in (1, 2, 3)]
    for i, name in enumerate(names, 1):
        code, err = local(*evaluate(name, *options, "--shard", f"{i}/3", model=model))
        assert code == 0, err
    assert local("merge", *names, "--out", "merged")[0] == 0
    whole, spread, merged = (record(folder, name) for name in ("local", "ray", "merged"))
    costs = [r.pop("cost") for r in (whole, spread, merged)]
    assert whole == spread == merged
    assert costs[0]["devices"] == []
    assert 1 <= len(costs[1]["devices"]) <= 2
    assert len(costs[2]["devices"]) == 3
    assert costs[1]["unet_evaluations"] >= costs[0]["unet_evaluations"] > 0


def test_lost_workers_and_bad_items(folder, address, local):
    (folder / "do-die").touch()
    asked = list(limited(TASKS.get("winoground").items("mini"), 40))
    (folder / "do-fail").write_text(asked[7].texts[0])
    code, err = ray(folder, address, *evaluate("run", "--limit", "40"))
    assert code == 1, err
    assert "was lost" in err
    assert "set aside" in err
    assert "cannot score this" in err
    assert not (folder / "do-die").exists()
    assert not (folder / "run/winoground/record.json").exists()
    (folder / "do-fail").unlink()
    # another engine goes on where this one stopped
    goes_on_to_the_same_record(folder, local, "--limit", "40")


def goes_on_to_the_same_record(folder, local, *more):
    code, err = local(*evaluate("run", *more))
    assert code == 0, err
    assert "resumed" in err
    assert local(*evaluate("whole", *more))[0] == 0
    run, whole = record(folder, "run"), record(folder, "whole")
    del run["cost"], whole["cost"]
    assert run == whole


def test_a_model_that_changes_between_workers_is_refused(folder, address):
    (folder / "do-edit").touch()
    code, err = ray(folder, address, *evaluate("run"))
    assert code == 2, err
    assert "has another model than the first worker" in err
    assert not (folder / "run/winoground/record.json").exists()


def until_a_part_is_written(folder, process):
    deadline = time.monotonic() + 240
    while not list((folder / "run/winoground/parts").glob("*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ctrl_c_ends_cleanly_and_the_run_goes_on(folder, address, local):
    (folder / "do-wait").touch()
    process = start(folder, *evaluate("run"), *workers_at(address))
    until_a_part_is_written(folder, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted; start the same command again to go on" in err
    assert "Traceback" not in err
    (folder / "do-wait").unlink()
    goes_on_to_the_same_record(folder, local)


def test_a_lost_head_is_one_line_and_the_run_goes_on(folder, local):
    (folder / "do-wait").touch()
    # a cluster of its own, whose processes are children of the command
    process = start(folder, *evaluate("run", "--engine", "ray", "--workers", "1"))
    until_a_part_is_written(folder, process)
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    _, err = process.communicate(timeout=240)
    assert process.returncode == 2, err
    assert err.strip().splitlines()[-1].startswith("gdbench: the Ray head at ")
    assert "Traceback" not in err
    (folder / "do-wait").unlink()
    goes_on_to_the_same_record(folder, local)


def test_no_cluster_at_the_address_is_one_line(folder):
    # "auto" would find the cluster of the other tests
    process = start(folder, *evaluate("run", "--engine", "ray", "--address", "127.0.0.1:1"))
    _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    # before it Ray tells of every try
    assert "--address 127.0.0.1:1: no Ray cluster there" in err.strip().splitlines()[-1]
    assert "Traceback" not in err
