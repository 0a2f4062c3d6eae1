"""`gdbench doctor`: every finding is a line, with what to do, at any width."""

import json

import pytest
import torch
from huggingface_hub import constants

from gdbench.doctor.devices import trial


@pytest.fixture
def apart(monkeypatch, tmp_path):
    """Caches of its own, no data, and no hub."""
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GDBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def findings(answer):
    return [f for section in json.loads(answer.out).values() for f in section]


def test_says_what_works_and_what_to_do(gdbench, apart):
    answer = gdbench("doctor", "--offline")
    assert answer.code == 0, answer.out
    assert [t for t in answer.out.splitlines() if t and t[0] != " "][:5] == [
        "versions", "devices", "caches", "data", "hub",
    ]  # fmt: skip
    assert f"torch {torch.__version__.split('+')[0]}" in answer.out
    assert "works in float32" in answer.out
    assert "`--suite mini`" in answer.out
    assert "Nothing stops gdbench here" in answer.out


@pytest.mark.parametrize("width", [20, 60, 80])
def test_fits(gdbench, apart, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LC_ALL", "C")
    out = gdbench("doctor", "--offline").out
    assert out.isascii()
    assert "\x1b" not in out
    # only a word that is longer than the line may stand out of it
    for text in out.splitlines():
        assert len(text) <= width or len(text.split()) <= 1 + text.startswith("  "), text


def test_a_cache_that_cannot_be_written_is_to_repair(gdbench, apart, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path / "file"))
    answer = gdbench("doctor", "--offline", "--json")
    assert answer.code == 1
    (bad,) = [f for f in findings(answer) if f["state"] == "fail"]
    assert "cannot be written" in bad["text"]
    assert bad["advice"] == "Set GDBENCH_CACHE to a folder of your own."


def test_data_that_is_here_is_named(gdbench, apart, tmp_path):
    (tmp_path / "data" / "clevr" / "captions").mkdir(parents=True)
    (tmp_path / "data" / "clevr" / "captions" / "spatial.json").write_text("{}")
    answer = gdbench("doctor", "--offline", "--json")
    here, absent = json.loads(answer.out)["data"]
    assert "clevr (not read" in here["text"]
    assert "winoground" in absent["text"]
    assert "clevr" not in absent["text"]
    answer = gdbench("doctor", "--offline", "--root", tmp_path / "nowhere", "--json")
    assert answer.code == 1


def test_a_hub_that_does_not_answer_is_a_sentence(gdbench, apart, monkeypatch):
    for address in ("http://127.0.0.1:9", "no address", "https://"):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        answer = gdbench("doctor", "--json")
        assert answer.code == 0
        first = json.loads(answer.out)["hub"][0]
        assert first["state"] == "note"
        assert first["text"].startswith(f"{address} does not answer (")
        assert "Errno" not in first["text"]


def test_the_trial_measures_rounding():
    """Errors have the size of the type's last digit: 2^-24, 2^-11 and 2^-8."""
    cpu = torch.device("cpu")
    assert trial(cpu, torch.float64) == 0
    assert 2**-26 < trial(cpu, torch.float32) < 2**-20
    assert 2**-13 < trial(cpu, torch.float16) < 2**-8
    assert 2**-10 < trial(cpu, torch.bfloat16) < 2**-5
