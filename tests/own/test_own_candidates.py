"""Candidate lists that a dual encoder chose, frozen."""

import json

import numpy as np
import pytest

import gdbench
from gdbench.models import load_model
from gdbench.tasks import TASKS
from gdbench.tasks.candidates import load
from tests.own.conftest import COLOURS


@pytest.fixture
def frozen(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("--by", "mini-clip", "--top", 4, "--out", "hard.json")
    code, _out, err = told("candidates", "--data", "pictures", *words)
    assert code == 0
    assert "adversarial for mini-clip@" in err
    return tmp_path / "hard.json"


def test_the_nearest_wrong_ones_of_each_question(frozen, pictures):
    """Against the model's own score matrix."""
    names = sorted(f"{c}.png" for c in COLOURS)
    captions = sorted(f"a {c} square" for c in COLOURS)
    model = load_model("mini-clip")
    images = [gdbench.image(pictures / name).open() for name in names]
    matrix = np.asarray(model.score(images, captions), dtype=np.float64)
    found = load(frozen)
    assert (found.top, found.encoder) == (4, f"mini-clip@{model.card.revision}")
    for question in found.text:
        row = matrix[names.index(question.picture)].copy()
        row[captions.index(question.caption)] = -np.inf
        nearest = {captions[k] for k in np.argsort(-row)[:3]}
        assert set(question.wrong) == nearest
    for question in found.image:
        column = matrix[:, captions.index(question.caption)].copy()
        column[names.index(question.picture)] = -np.inf
        assert set(question.wrong) == {names[k] for k in np.argsort(-column)[:3]}


def test_they_are_asked(frozen, told, tmp_path):
    results = gdbench.evaluate("random", data=frozen, out=tmp_path / "run", quiet=True)
    (record,) = results.records
    assert record.task.name == "hard"
    assert record.task.n_items == 24
    assert record.metrics[0].chance == 0.25
    assert any("adversarial for mini-clip" in note for note in record.definition.notes)
    assert told("verify", tmp_path / "run")[0] == 0


def test_what_is_frozen_stays(frozen, told, pictures):
    with pytest.raises(gdbench.GdbenchError, match="is there already"):
        told("candidates", "--data", "pictures", "--by", "mini-clip", "--top", 4, "--out", frozen)
    with pytest.raises(gdbench.GdbenchError, match=r"the questions of .* are frozen"):
        told("evaluate", "-m", "constant", "--data", frozen, "--ask", "text")
    (pictures / "red.png").write_bytes((pictures / "blue.png").read_bytes())
    code, out, _ = told("data", "check", "--data", frozen)
    assert code == 2
    assert "red.png: this picture is another than when it was frozen" in out
    content = json.loads(frozen.read_text())
    content["text"][0]["wrong"][0] = "a dog"
    frozen.write_text(json.dumps(content))
    with pytest.raises(gdbench.GdbenchError, match="changed after it was frozen"):
        told("evaluate", "-m", "constant", "--data", frozen)


def test_of_a_task_s_pictures(told, tmp_path):
    words = ("--by", "mini-clip", "--top", 3, "--ask", "text", "--out", tmp_path / "c.json")
    assert told("candidates", "--data", "pets", "--suite", "mini", *words)[0] == 0
    results = gdbench.evaluate(
        "constant", data=tmp_path / "c.json", limit=5, out=tmp_path / "run", quiet=True
    )
    assert results.records[0].metrics[0].chance == pytest.approx(1 / 3)
    known = {item.texts[item.gold[0]] for item in TASKS.get("pets").items("mini")}
    assert {question.caption for question in load(tmp_path / "c.json").text} <= known


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--data", "pictures", "--by", "random"), "random: is no dual encoder"),
        (("--data", "nowhere", "--by", "mini-clip"), "no such folder or file, and no task"),
        (("--data", "pictures", "--by", "mini-clip", "--top", 13), "there are 12 pictures and 12"),
        (("--data", "pictures", "--by", "mini-clip", "--suite", "mini"), "own, without suites"),
        (("--data", "pictures", "--by", "mini-clip", "--root", "x"), "--root: pictures are data"),
        (
            ("--data", "pets", "--suite", "mini", "--by", "mini-clip", "--split", "test"),
            "--split: pets is a task, which does not use it",
        ),
    ],
)
def test_what_cannot_be_done(pictures, told, tmp_path, monkeypatch, words, problem):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gdbench.GdbenchError, match=problem):
        told("candidates", *words)
