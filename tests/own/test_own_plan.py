"""Several models in one call, and plans: a matrix of models, tasks and budgets."""

import json
from pathlib import Path

import pytest

import gdbench
from gdbench.api.plan import cells_of, read_plan

PLAN = """
models: [mini-clip, {model: mini-sd, seed: 1}]
tasks: [clevr]
budgets: [2, 3]
options: {device: cpu, dtype: float32}
suite: mini
limit: 1
out: planned
"""


CLEVR = "models: [constant]\ntasks: [clevr]\nsuite: mini"
LEVELS = 9


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_models_in_one_call(here, pictures, told):
    words = ("evaluate", "-m", "random", "-m", "constant", "--data", pictures, "--out", "all")
    code, out, err = told(*words)
    assert code == 0
    header, *rows = out.splitlines()
    assert header.split() == ["model", "budget", "pictures"]
    assert [row.split()[0] for row in rows] == ["random", "constant"]
    assert len(list((here / "all").iterdir())) == 2
    assert "next: gdbench compare all/" in err


def test_one_that_fails_stops_no_other(here, pictures, told):
    (here / "bad.py").write_text(
        "import gdbench\nclass Bad:\n    card = gdbench.ModelCard(name='bad')\n"
        "    def score(self, images, texts):\n        raise ValueError('no')\n"
    )
    code, out, err = told("evaluate", "-m", "bad.py:Bad", "-m", "constant", "--data", pictures)
    assert code == 2
    assert "gdbench: bad.py:Bad: model bad raised ValueError: no" in err
    assert out.splitlines()[1].startswith("constant")


@pytest.mark.parametrize(
    ("words", "problem"),
    [(("-m", "random", "-m", "random"), "random is given twice"),
     (("-m", "constant", "-m", "mini-clip", "--samples", 3), "--samples: constant does not use it"),
     (("-m", "constant", "-m", "no.py:Model"), "there is no file no.py")],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_runs(here, pictures, told, words, problem):
    with pytest.raises(gdbench.GdbenchError, match=problem):
        told("evaluate", *words, "--data", pictures)
    assert not (here / "runs").exists()


def test_a_plan_runs_and_goes_on(here, told):
    (here / "plan.yaml").write_text(PLAN)
    cells = cells_of(read_plan(here / "plan.yaml"), here)
    assert [cell.name for cell in cells] == ["mini-clip", "mini-sd, T=2", "mini-sd, T=3"]
    assert {cell.where.device for cell in cells} == {"cpu"}
    code, out, _ = told("run", "plan.yaml", "--dry-run", "--passes-per-second", 100, "--json")
    found = json.loads(out)
    # seven sub-tasks, one picture and two captions each, and the unconditional errors
    assert code == 0
    assert [run["passes"] for run in found["runs"]] == [None, 28, 42]
    assert found["passes"] == 70
    assert found["seconds"] >= 0.7
    assert not (here / "planned").exists()
    short = PLAN.replace("mini-clip, {model: mini-sd, seed: 1}", "constant, mini-sd")
    (here / "plan.yaml").write_text(short.replace("[2, 3]", "[2]").replace("clevr", "pets"))
    code, out, _ = told("run", "plan.yaml")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["constant", "mini-sd"]
    folders = [path.name for path in sorted((here / "planned").iterdir())]
    assert folders[0].startswith("constant@1-mini")
    assert "-samples=2" in folders[1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: [", "not YAML"),
        ("- a", "expected models, tasks and the like"),
        ("tasks: [clevr]", "models: expected"),
        ("models: []", "models"),
        ("models: [constant]\nmodel: x", "there is no field 'model'; there are: models, tasks"),
        ("models: [constant]\nbudgets: [many]", "budgets"),
        ("models: [{seed: 1}]", "models: expected a name or {model: NAME, …}"),
        ("models: [{model: constant, sead: 1}]", "unknown option 'sead'"),
        ("models: [constant, constant]\nsuite: mini", "the plan has constant twice"),
        ("models: [constant]\ntasks: [clever]\nsuite: mini", "did you mean clevr"),
        ("models: [constant]\ndata: {ask: text}", "expected a path, or {path: FOLDER"),
        ("models: [constant]\ndata: nowhere", "there is no such file or folder"),
        ("models: !!python/object:os.system [x]", "not YAML"),
        (f"{CLEVR}\noptions: {{sampels: 4}}", "options: unknown option 'sampels'"),
        (f"{CLEVR}\noptions: {{samples: 4}}", "no model of the plan uses 'samples'"),
        (f"{CLEVR}\nbudgets: [2]", "no model of the plan averages over timesteps"),
        ("models: [mini-sd]\nbudgets: [2]\noptions: {samples: 3}", "give one of the two"),
        ("models: [{model: constant, compat: diffusion-itm-2023}]", "unknown option 'compat'"),
        (f"{CLEVR}\nlimit: 2\nlimit: 3", "'limit' stands twice in what begins in line 1"),
        (f"{CLEVR}\nlimit: yes", "limit: expected a number or a text, it is True"),
        (f'{CLEVR}\nout: "a\\0b"', "out: expected a path"),
        (f"{CLEVR}\noptions: &a {{seed: *a}}", "aliases stand for more than 100,000 values"),
        ("models: &a [*a]", "aliases stand for more than 100,000 values"),
        ("models: " + "[" * 100_000, "not YAML"),
        ("models: [constant]\nlimit: 2026-13-01", "not YAML"),
    ],
)
def test_plans_that_are_none(here, told, text, problem):
    import re

    (here / "plan.yaml").write_text(text)
    with pytest.raises(gdbench.GdbenchError, match=re.escape(problem)):
        told("run", "plan.yaml")
    with pytest.raises(gdbench.GdbenchError, match=r"none.yaml: cannot be read"):
        told("run", "none.yaml")


@pytest.mark.parametrize("end", ["models: *a9", "models: [constant]\nlimit: *a9", "x: *a9"])
def test_aliases_of_aliases_are_refused_unread(here, told, end):
    bomb = ["  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"  a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, LEVELS + 1)]
    (here / "plan.yaml").write_text("\n".join(["options:", *bomb, end]))
    with pytest.raises(gdbench.GdbenchError, match="aliases stand for more than 100,000 values"):
        told("run", "plan.yaml")


def test_aliases_that_stand_for_little_are_read(here):
    (here / "plan.yaml").write_text("models: [{model: &m mini-sd, seed: 1}, *m]\nsuite: mini")
    assert [cell.name for cell in cells_of(read_plan(here / "plan.yaml"), here)] == ["mini-sd"] * 2


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="of Unix")
def test_a_plan_without_end(told):
    with pytest.raises(gdbench.GdbenchError, match="larger than 1,000,000 bytes"):
        told("run", "/dev/zero")
