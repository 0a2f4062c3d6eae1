"""`evaluate --dry-run`, with and without weights and data."""

from __future__ import annotations

import json

import pytest

from gdbench.models.diffusion_itm.schedule import grid_timesteps
from gdbench.numbers import seconds
from gdbench.tasks import GDBENCH, TASKS
from gdbench.tasks.counting import of_items, of_published


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """No data and no weights."""
    monkeypatch.setenv("GDBENCH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr("gdbench.models.diffusion_itm.kind.cached_repos", frozenset)


def test_all_tasks_are_counted_without_weights_and_data(gdbench, nothing_here):
    result = gdbench("evaluate", "-m", "sd2.1", "--dry-run", "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert [t["name"] for t in found["tasks"]] == list(GDBENCH)
    assert {t["counted_from"] for t in found["tasks"]} == {"catalogue"}
    assert found["seconds"] is None
    # by hand: 37 names for each of 7,390 pictures; 2 x 2 and four pictures' own; 50 timesteps
    of = {t["name"]: t["passes"] for t in found["tasks"]}
    assert of["pets"] == 50 * 37 * 7390
    assert of["winoground"] == 50 * 400 * (4 + 2)
    assert of["flickr30k"] == 50 * (2 * 1014 * 10 + 1014)
    assert of["bias"] == 50 * 9 * 250 * (120 + 1)
    assert found["passes"] == sum(of.values())


def test_a_rate_gives_hours_and_the_release_its_timesteps(gdbench, nothing_here):
    result = gdbench(
        "evaluate", "-m", "sd2.1", "--tasks", "clevr", "--samples", 250, "--compat",
        "diffusion-itm-2023", "--dry-run", "--passes-per-second", 100, "--json",
    )  # fmt: skip
    found = json.loads(result.out)
    assert found["timesteps"] == len(grid_timesteps(250)) == 245
    assert found["passes"] == 245 * 2 * 8036
    assert found["seconds"] == pytest.approx(245 * 2 * 8036 / 100)


@pytest.mark.parametrize(
    ("spread", "processes"),
    [
        ((), 1),
        (("--devices", "cpu,cpu"), 2),
        (("--shard", "2/3"), 3),
        (("--shard", "2/3", "--devices", "cpu,cpu"), 6),
        (("--engine", "ray", "--workers", 4), 4),
        (("--engine", "ray"), None),
    ],
)
def test_how_a_run_is_spread_is_not_ignored(gdbench, nothing_here, spread, processes):
    asked = ("evaluate", "-m", "sd2.1", "--tasks", "clevr", "--dry-run", "--passes-per-second", 100)
    assert json.loads(gdbench(*asked, *spread, "--json").out)["processes"] == processes
    shown = gdbench(*asked, *spread).out
    # 50 timesteps of 8,036 pairs of captions at 100 a second
    if processes is None:
        assert "time of one worker" in shown
    elif processes > 1:
        each = seconds(50 * 2 * 8036 / 100 / processes)
        assert f"by {processes} processes as fast as this one: {each} each" in shown
    else:
        assert "processes" not in shown


def test_a_spread_that_cannot_be_had_is_refused_in_a_dry_run_too(gdbench, nothing_here):
    for spread, words in (
        (("--workers", 2), "is for --engine ray"),
        (("--devices", "cpu,cpu", "--workers", 2), "leave --workers out"),
        (("--devices", "cuda:77"), "not available here"),
        (("--shard", "4/3"), "expected i/n"),
    ):
        result = gdbench("evaluate", "-m", "sd2.1", "--tasks", "clevr", "--dry-run", *spread)
        assert result.code == 2
        assert words in result.err


def test_the_table_says_what_was_not_here(gdbench, nothing_here):
    result = gdbench("evaluate", "-m", "sd2.1", "--tasks", "aro,pets", "--dry-run")
    assert result.code == 0
    assert "counted as published: aro, pets (no data at" in result.out
    assert "give --passes-per-second" in result.out


def test_what_cannot_be_estimated_is_one_line(gdbench, nothing_here):
    for arguments, words in (
        (("-m", "clip-rn50x64", "--dry-run"), "estimates diffusion models"),
        (("-m", "sd2.1", "--tasks", "selfbench", "--dry-run"), "give --root"),
        (("-m", "random", "--suite", "mini", "--passes-per-second", "3"), "goes with --dry-run"),
    ):
        result = gdbench("evaluate", *arguments)
        assert result.code == 2
        assert words in result.err


@pytest.mark.parametrize("name", GDBENCH)
def test_shapes_are_those_of_the_items(name):
    """The mini suite's items have the published form, but for their number of bias words."""
    task = TASKS.get(name)
    shapes = task.published.shapes
    for item in task.items("mini"):
        if name == "bias":
            shape = shapes["christian"]
        else:
            shape = shapes[item.subtask]
            assert shape.texts == len(item.texts)
        assert (shape.query, shape.images) == (item.query, len(item.images))


def test_items_and_shapes_count_alike():
    task = TASKS.get("clevr")
    items = list(task.items("mini"))
    by_shape = of_published(task, "mini")
    assert of_items(items).items == by_shape.items
    assert of_items(items).pairs == by_shape.pairs
    assert of_items(items).compared == by_shape.compared == 0
