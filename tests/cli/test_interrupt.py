"""Ctrl-C and SIGTERM, really sent: one line that says how to go on, exit code 130, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE = 120  # seconds
MODEL = """\
import time
from pathlib import Path
import numpy as np
from gdbench import ModelCard

def reached(place):
    Path("reached").touch()
    if "{place}" == place:
        time.sleep(60)

{module}
class M:
    card = ModelCard(name="mine")
    def __init__(self):
        {init}
    def score(self, images, texts):
        {score}
        return np.zeros((len(images), len(texts)))
"""
GOES_ON = "gdbench: interrupted; start the same command again to go on"


@pytest.fixture(autouse=True)
def heeded():
    """A program started in the background ignores SIGINT, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(process, ready, folder, number=signal.SIGINT):
    """Send a signal once `ready` is there; give the code and the lines of standard error."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in out + err
    return process.returncode, err.rstrip().splitlines()


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "gdbench", *map(str, words)],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("within", ["{}", "exec({!r})"])
@pytest.mark.parametrize("place", ["module", "init", "score"])
def test_evaluate_says_how_to_go_on(tmp_path, place, within):
    call = within.format(f"reached({place!r})")
    calls = dict.fromkeys(("module", "init", "score"), "pass") | {place: call}
    (tmp_path / "mine.py").write_text(MODEL.format(place=place, **calls))
    words = ("evaluate", "-m", "mine.py:M", "--suite", "mini", "--tasks", "pets", "--limit", 2)
    process = start(tmp_path, *words)
    code, lines = interrupted(process, (tmp_path / "reached").exists, tmp_path)
    assert code == 130
    assert lines[-1] == GOES_ON


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shows what is loaded on Linux")
@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("_pydantic_core", {GOES_ON, "gdbench: interrupted"}),  # the command line itself
        ("libtorch_cpu", {GOES_ON}),
        ("_safetensors_rust", {GOES_ON}),
    ],
)
def test_evaluate_of_a_network_says_it_while_that_loads(tmp_path, library, said):
    process = start(
        tmp_path, "evaluate", "-m", "mini-sd", "--suite", "mini", "--samples", 200, "--out", "run"
    )
    maps = Path(f"/proc/{process.pid}/maps")
    code, lines = interrupted(process, lambda: library in maps.read_text(), tmp_path)
    assert code == 130
    assert lines[-1] in said


def test_what_was_scored_is_kept(tmp_path):
    (tmp_path / "mine.py").write_text(
        MODEL.format(
            place="", module="", init="pass", score="Path('reached').touch(); time.sleep(0.05)"
        )
    )
    words = ("evaluate", "-m", "mine.py:M", "--suite", "mini", "--tasks", "winoground")
    words = (*words, "--out", "run")

    def some_are_stored():
        return any((tmp_path / "run").glob("winoground/parts/*.parquet"))

    code, lines = interrupted(start(tmp_path, *words), some_are_stored, tmp_path)
    assert (code, lines[-1]) == (130, GOES_ON)
    again = start(tmp_path, *words)
    assert "winoground" in again.communicate(timeout=PATIENCE)[0]
    assert again.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_verb_that_cannot_go_on_just_says_that_it_was_interrupted(tmp_path, number):
    calls = {"module": "reached('module')", "init": "pass", "score": "pass"}
    (tmp_path / "mine.py").write_text(MODEL.format(place="module", **calls))
    process = start(tmp_path, "check-model", "mine.py:M")
    code, lines = interrupted(process, (tmp_path / "reached").exists, tmp_path, number)
    assert (code, lines) == (130, ["gdbench: interrupted"])
