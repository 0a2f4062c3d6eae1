"""`gdbench results`, and how `evaluate` ends."""

import csv
import io
import json

import pytest

from gdbench.terminal import _Terminal


@pytest.fixture
def runs(gdbench):
    """Two finished runs in `runs`."""
    for model in ("constant", "random"):
        words = ("evaluate", "-m", model, "--suite", "mini", "--tasks", "clevr,pets,bias")
        assert gdbench(*words, "--limit", 2, "--out", f"runs/{model}").code == 0


def test_evaluate_ends_with_scores_cost_place_and_next_command(gdbench, monkeypatch):
    words = ("evaluate", "-m", "constant", "--suite", "mini", "--limit", 2, "--out", "run")
    short = gdbench(*words)
    assert "GDBench" in short.out
    assert "cost: " in short.out
    assert "gdb|" not in short.out
    assert "pets_accuracy" not in short.out
    assert "Records and scores: run" in short.err
    assert "next: gdbench compare run" in short.err
    for more in (gdbench(*words, "--metrics"), gdbench(*words, "-v")):
        assert len(more.out.splitlines()) > len(short.out.splitlines()) + 8
    assert json.loads(gdbench(*words, "--json").out)[0]["signature"].startswith("gdb|")


@pytest.mark.parametrize("width", [60, 80])
def test_scores_and_runs_fit(gdbench, runs, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    words = ("evaluate", "-m", "constant", "--suite", "mini", "--limit", 2, "--out", "run")
    for answer in (gdbench(*words), gdbench("compare", "runs/constant", "runs/random")):
        assert answer.code == 0
        assert max(map(len, answer.out.splitlines())) <= width
    listed = gdbench("results")
    assert listed.code == 0
    assert max(map(len, listed.out.splitlines())) <= width


def test_the_width_is_the_terminals_at_that_moment(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    console = _Terminal()
    monkeypatch.setenv("COLUMNS", "60")
    assert console.width == 60
    assert _Terminal(width=70).width == 70


def test_all_formats_say_the_same(gdbench, runs):
    told = json.loads(gdbench("results", "runs", "--format", "json").out)
    assert [r["model"] for r in told] == ["constant", "random"]
    assert told[0]["tasks"]["bias"] is None
    score = f"{100 * told[1]['tasks']['clevr']['score']:.1f}"
    table, md, latex = (
        gdbench("results", "--format", form).out for form in ("table", "md", "latex")
    )
    rows = list(csv.DictReader(io.StringIO(gdbench("results", "--format", "csv").out)))
    assert rows[1]["clevr"] == score
    assert rows[1]["folder"] == "runs/random"
    assert f"clevr {score}" in table
    assert f"| {score} |" in md
    assert f"& {score} &" in latex
    assert "runs/random" not in latex
    assert len(latex.splitlines()) == 8


def test_a_broken_run_is_one_line_and_exit_code_1(gdbench, runs, tmp_path):
    (tmp_path / "runs/random/clevr/scores.parquet").write_bytes(b"PAR1 no PAR1")
    (tmp_path / "runs/begun").mkdir()
    (tmp_path / "runs/begun/run.json").write_text("{}")
    answer = gdbench("results")
    assert answer.code == 1
    (line,) = [line for line in answer.err.splitlines() if line.startswith("gdbench: ")]
    assert "runs/random/clevr/scores.parquet" in line
    assert "runs/begun: no task has ended yet" in answer.err
    assert "constant" in answer.out
    assert "random" not in answer.out


def test_no_runs(gdbench, tmp_path):
    assert gdbench("results").code == 2
    (tmp_path / "runs").mkdir()
    empty = gdbench("results")
    assert (empty.code, empty.out) == (0, "")
