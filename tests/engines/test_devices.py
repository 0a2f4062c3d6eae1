"""Two worker processes on this machine's CPU, as `--devices` starts one for each GPU."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from gdbench.cli import main
from gdbench.engines import opened
from gdbench.engines.processes import _visible, device_list
from gdbench.errors import InputError
from gdbench.run import ModelRequest, Spread, Where

MODEL = """\
import logging
import os
import time
from pathlib import Path
from gdbench import ModelCard
from gdbench.models.baselines import Random

class Mine(Random):
    card = ModelCard(name="mine")

    def score(self, images, texts):
        print("a library that prints")
        logging.getLogger("gdbench.mine").warning("half of it is enough")
        if Path("do-wait").exists():
            time.sleep(0.2)
        if Path("do-die").exists():
            Path("do-die").unlink(missing_ok=True)
            os._exit(9)
        return super().score(images, texts)
"""
DEVICE = """\
import os
import zlib
import gdbench.environment
from gdbench import ModelCard
from gdbench.models.baselines import Random

class Memory:
    peak = 0

    def reset_peak_memory_stats(self, device):
        self.peak = 0

    def max_memory_allocated(self, device):
        return self.peak

memory = Memory()
gdbench.environment._device_memory = lambda device: memory

class OnDevice(Random):
    card = ModelCard(name="on-device")
    device = "cuda:0"

    def score(self, images, texts):
        taken = 10**6 * len(images) + zlib.crc32(texts[0].encode()) % 10**6
        memory.peak = max(memory.peak, taken)
        with open(f"peaks-{len(images)}-{os.getpid()}", "a") as file:
            print(taken, file=file)
        return super().score(images, texts)
"""
TWO = ("--devices", "cpu,cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODEL)
    return tmp_path


@pytest.fixture
def gdbench(folder, monkeypatch, capfd):
    """A command in this process: its exit code, answer and messages."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["gdbench", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def evaluate(out, *more, model="mine.py:Mine"):
    return ("evaluate", "-m", model, "--suite", "mini", "--tasks", "winoground", "--out", out,
            *more)  # fmt: skip


def record(folder, out):
    data = json.loads((folder / out / "winoground/record.json").read_text())
    del data["created"], data["environment"]
    return data


def test_two_processes_and_none_have_the_same_errors_to_the_bit(folder, gdbench):
    options = ("--limit", "8", "--samples", "20", "--batch-size", "8")
    assert gdbench(*evaluate("local", *options, "--device", "cpu", model="mini-sd"))[0] == 0
    code, _, err = gdbench(*evaluate("spread", *options, *TWO, model="mini-sd"))
    assert code == 0, err
    local, spread = record(folder, "local"), record(folder, "spread")
    cost = spread.pop("cost")
    # on a busy machine one may have done all before the other is ready
    assert 1 <= len(cost["devices"]) <= 2
    assert cost["unet_evaluations"] >= local.pop("cost")["unet_evaluations"]
    # with scores_sha256, which is over every error
    assert spread == local


def test_a_lost_worker_is_replaced_and_what_workers_say_is_told_once(folder, gdbench):
    (folder / "do-die").touch()
    code, out, err = gdbench(*evaluate("spread", *TWO, "--json"))
    assert code == 0, err
    assert not (folder / "do-die").exists()
    assert "was lost (exit code 9); its shard is tried again" in err
    assert err.count("half of it is enough") == 1
    # what a library prints is no part of the answer
    assert json.loads(out)[0]["task"]["name"] == "winoground"
    assert gdbench(*evaluate("local"))[0] == 0
    assert record(folder, "local")["scores_sha256"] == record(folder, "spread")["scores_sha256"]


def test_the_peak_of_a_device_is_that_of_the_worker_that_needed_most(folder, gdbench):
    (folder / "device.py").write_text(DEVICE)
    more = (*TWO, "--tasks", "winoground,clevr")
    code, _, err = gdbench(*evaluate("spread", *more, model="device.py:OnDevice"))
    assert code == 0, err
    # Winoground shows two images at once, CLEVR one
    for task, images in (("winoground", 2), ("clevr", 1)):
        files = folder.glob(f"peaks-{images}-*")
        most = max(int(taken) for file in files for taken in file.read_text().split())
        found = json.loads((folder / "spread" / task / "record.json").read_text())["cost"]
        assert found["peak_device_memory_bytes"] == most


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_no_process_and_the_run_goes_on(folder, gdbench, sent):
    (folder / "do-wait").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "gdbench", *evaluate("run", *TWO)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 480
    while not list((folder / "run/winoground/parts").glob("*.parquet")):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(process.communicate()[1])
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    # Ctrl-C reaches every process of the terminal; kill -9 the command alone
    if sent is signal.SIGINT:
        os.killpg(process.pid, sent)
    else:
        process.kill()
    _, err = process.communicate(timeout=240)
    if sent is signal.SIGINT:
        assert process.returncode == 130, err
        assert err.strip().endswith("interrupted; start the same command again to go on")
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive
    (folder / "do-wait").unlink()
    code, _, err = gdbench(*evaluate("run", *TWO))
    assert code == 0, err
    assert "resumed" in err


def test_a_model_that_cannot_be_had_is_one_line(gdbench):
    code, _, err = gdbench(*evaluate("run", *TWO, model="mine.py:Nothing"))
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert "Nothing" in err


@pytest.mark.parametrize(
    ("spread", "where", "told"),
    [
        ({"engine": "ray"}, {}, "leave --engine ray out"),
        ({"workers": 2}, {}, "leave --workers out"),
        ({"address": "auto"}, {}, "leave --address out"),
        ({}, {"device": "cpu"}, "leave --device out"),
    ],
)
def test_devices_go_with_no_other_way(spread, where, told):
    request = ModelRequest(model="constant")
    with (
        pytest.raises(InputError, match=told),
        opened(request, Where(**where), Spread(devices="cpu,cpu", **spread)),
    ):
        pass


@pytest.mark.parametrize(
    "names", ["", "cpu,", "gpu", "cuda", "cuda:99", "cpu,cuda:99", "auto", "meta", "cpu:1"]
)
def test_devices_that_are_not_there_are_named(names):
    with pytest.raises(InputError, match=r"^--devices"):
        device_list(names)


def test_all_devices_are_all_of_cuda(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert device_list("all") == ("cuda:0", "cuda:1", "cuda:2")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(InputError, match=r"name devices, e\.g\. cpu,cpu"):
        device_list("all")


def test_a_process_sees_its_device_alone(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [_visible(name) for name in ("cpu", "cuda:0", "cuda:3")] == ["", "0", "3"]
    # some are hidden already, and have other names
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-1f")
    assert [_visible(name) for name in ("cpu", "cuda:0", "cuda:1")] == ["", "5", "GPU-1f"]
