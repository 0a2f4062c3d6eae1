"""A task of another package with data of its own: listed, checked and counted like the others."""

import json
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.tasks import TASKS

PACKAGE = """
from gdbench.data.catalogue import Download, Entry
from gdbench.data.loading import Part, load
from gdbench.metrics.measures import Recall
from gdbench.protocol import Item, Query
from gdbench.tasks.base import Task


def _read(source, path):
    for name, texts in (source.tree.json(path, dict) or {}).items():
        image = source.tree.image(f"colours/{name}", path, name)
        if image is not None:
            yield Item(f"colours/{name}", (image,), tuple(texts), Query.TEXT_RETRIEVAL, (0,), "all")


ENTRY = Entry(
    expected={"all": 2},
    parts="colours:PARTS",
    folders=("colours",),
    license="CC0",
    downloads=(Download("https://example.org/colours.json", "colours/colours.json"),),
)
PARTS = (Part(("colours/colours.json",), _read),)


def items(root, compat, *, allow_partial):
    return load("colours", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)


TASK = Task(
    name="colours", version="1", title="Colours", description="", kind="extra",
    measures=(Recall("accuracy", ("all",)),), primary=("accuracy",),
    sources={"full": "colours:items"}, published=ENTRY,
)
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root with the task's data; the task itself is installed."""
    site = tmp_path / "site"
    info = site / "colours-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[gdbench.tasks]\ncolours = colours:TASK\n")
    (site / "colours.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(TASKS, "_plugins", None)
    folder = tmp_path / "data" / "colours"
    folder.mkdir(parents=True)
    for name in ("red", "blue"):
        Image.new("RGB", (8, 8), name).save(folder / f"{name}.png")
    lists = {f"{name}.png": [name, "green"] for name in ("red", "blue")}
    (folder / "colours.json").write_text(json.dumps(lists))
    yield tmp_path / "data"
    TASKS._plugins = None
    sys.modules.pop("colours", None)


def told(*words):
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_its_data_are_checked(root):
    code, found = told("data", "check", "colours", "--root", root)
    assert code == 0
    (row,) = found["tasks"]
    assert (row["layout"], row["n_items"], row["n_expected"], row["problems"]) == (
        "gdbench-2023", {"all": 2}, {"all": 2}, [],
    )  # fmt: skip


def test_what_is_missing_is_a_problem(root):
    (root / "colours" / "red.png").unlink()
    code, found = told("data", "check", "colours", "--root", root)
    assert code == 2
    problems = [row["problem"] for row in found["tasks"][0]["problems"]]
    assert "1 items that are whole, 2 as published" in problems


def test_its_source_and_terms_are_listed(root):
    _, found = told("data", "status", "--root", root)
    (part,) = [p for p in found["parts"] if p["task"] == "colours"]
    assert (part["source"], part["here"], part["license"]) == (
        "https://example.org/colours.json", True, "CC0",
    )  # fmt: skip


def test_it_is_among_the_tasks(root):
    _, rows = told("tasks", "--root", root)
    (row,) = [r for r in rows if r["name"] == "colours"]
    assert row["suites"] == {name: {"items": 2, "all": 2} for name in ("full", "lite")}
    assert (row["data"], row["license"]) == ("gdbench-2023", "CC0")


def test_its_items_are_read(root):
    items = list(TASKS.get("colours").items("full", root))
    assert [i.texts for i in items] == [("red", "green"), ("blue", "green")]
