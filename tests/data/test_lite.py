"""GDBench-lite: which items, and that they are the same ones everywhere."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import data_trees as trees
import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError
from gdbench.protocol import Item, Query
from gdbench.tasks import GDBENCH, TASKS, lite, lite_pins
from gdbench.tasks.counting import of_published


def item(n: int, tag: str = "", cluster: str = "") -> Item:
    return Item(
        f"t/{n}", (), ("a", "b"), Query.TEXT_RETRIEVAL, (0,), "sub", cluster=cluster,
        tags=(tag,) if tag else (),
    )  # fmt: skip


def test_any_first_part_is_stratified():
    tags = ["on"] * 600 + ["under"] * 300 + ["in"] * 100
    order = lite.ranked([item(i, tag) for i, tag in enumerate(tags)])
    for n in (10, 50, 100, 300, 999):
        found = Counter(i.tags[0] for i in order[:n])
        for tag, share in (("on", 0.6), ("under", 0.3), ("in", 0.1)):
            assert abs(found[tag] - share * n) <= 1.01, (n, tag)


def test_pictures_come_once_before_one_comes_twice():
    items = [item(i, cluster=f"p{i // 5}") for i in range(100)]
    order = lite.ranked(items)
    for n in range(1, 6):
        assert set(Counter(i.cluster for i in order[: 20 * n]).values()) == {n}
    # a picture with more captions is no more likely to come first
    uneven = [item(i, cluster="big") for i in range(80)] + [item(100 + i) for i in range(20)]
    assert len({i.cluster or i.id for i in lite.ranked(uneven)[:21]}) == 21


def test_the_choice_depends_on_ids_alone():
    items = [item(i, "x" if i % 3 else "y") for i in range(900)]
    first = lite.chosen(items)
    assert len(first) == 300
    assert [i.id for i in first] == [i.id for i in items if i in first]  # original order
    again = lite.chosen([replace(i, texts=("c",)) for i in reversed(items)])
    assert {i.id for i in again} == {i.id for i in first}
    assert {i.id for i in lite.chosen(items, 50)} < {i.id for i in first}


def test_groups_of_pictures_have_a_cap_of_their_own():
    pictures = [replace(item(i), query=Query.ASSOCIATION) for i in range(250)]
    assert len(lite.chosen(pictures)) == 100


@pytest.mark.parametrize("name", GDBENCH)
def test_every_task_has_it_and_says_how_large_it_is(name):
    task = TASKS.get(name)
    assert lite.LITE in task.sources
    most = 100 if name == "bias" else 300
    assert all(n <= most for n in task.expected["lite"].values())
    small, whole = of_published(task, "lite"), of_published(task)
    assert 0 < small.items <= whole.items
    assert small.items <= most * len(task.published.shapes)


def test_a_tree_with_other_annotations_is_refused(tree):
    """The drawn captions are not the published ones: their ids are others."""
    task = TASKS.get("clevr")
    assert len(list(task.items("lite", tree, allow_partial=True))) == 7 * 6
    with pytest.raises(InputError, match="are not those of lite-1"):
        lite_pins.check_choice("clevr", task.items("full", tree, allow_partial=True), None)


def test_the_verb_needs_annotations_alone(tree):
    for picture in (tree / "clevr/images").iterdir():
        picture.unlink()
    (tree / "clevr/images").rmdir()
    done = CliRunner().invoke(app, ["data", "lite", "clevr", "--root", str(tree), "--json"])
    assert done.exit_code == 1  # drawn captions are not the pinned ones
    rows = json.loads(done.stdout)["subtasks"]
    assert [row["subtask"] for row in rows] == list(trees.CLEVR_SUBTASKS)
    assert {row["pinned"] for row in rows} == {False}
    assert all(row["n"] == row["of"] == len(row["ids"]) == 6 for row in rows)
    done = CliRunner().invoke(app, ["data", "lite", "flickr30k", "--root", str(tree)])
    assert done.exit_code == 0
    assert "image_retrieval" in done.stdout
    assert "not whole" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_first_fetch_pins_what_the_package_does_not(tree):
    """A task without a published count is whole as it is; from then on it is held to its items."""
    call = ["data", "lite", "svo", "--root", str(tree), "--json"]
    rows = json.loads(CliRunner().invoke(app, call).stdout)["subtasks"]
    assert {row["pinned_by"] for row in rows} == {"first fetch"}
    pins = json.loads((tree / lite_pins.LOCAL).read_text())[lite.VERSION]["svo"]
    assert pins == {row["subtask"]: row["ids_sha256"] for row in rows}
    task = TASKS.get("svo")
    assert Counter(i.subtask for i in task.items("lite", tree)) == {"verb": 2, "subj": 1, "obj": 1}
    fewer = [row for row in trees.svo_rows() if row["neg_type"] != "obj"]
    fewer[0] |= {"pos_id": "7.jpg"}
    trees.write(tree, "svo/svo.json", fewer)
    with pytest.raises(InputError, match="svo, suite lite: the ids chosen of verb"):
        list(task.items("lite", tree))
    assert CliRunner().invoke(app, call).exit_code == 1
    again = json.loads((tree / lite_pins.LOCAL).read_text())[lite.VERSION]["svo"]
    assert again == pins  # a pin is never written over


def test_the_package_pins_both_modes_where_they_differ():
    pins = lite_pins.shipped()
    assert set(pins) == {"clevr", "imagecode", "imagecode diffusion-itm-2023", "winoground"}
    for name, subtasks in pins.items():
        assert set(subtasks) == set(TASKS.get(name.split(maxsplit=1)[0]).published.shapes)
    both = [pins["imagecode"], pins["imagecode diffusion-itm-2023"]]
    assert both[0]["static"] == both[1]["static"]
    assert both[0]["video"] != both[1]["video"]  # the release's has the photographs in it


def test_a_broken_file_of_pins_is_one_line(tree):
    (tree / lite_pins.LOCAL).write_text("[1]")
    with pytest.raises(InputError, match="is no file of pins"):
        list(TASKS.get("svo").items("lite", tree))


def test_absent_sets_of_pictures_are_one_line_and_counted(tmp_path):
    from gdbench.data.check import check

    trees.imagecode(tmp_path)
    import shutil

    shutil.rmtree(tmp_path / "imagecode/image-sets")
    found = check("imagecode", tmp_path)
    assert found.n_items == {"static": 2, "video": 1}
    lines = [row["problem"] for row in found.problems.rows if "does not exist" in row["problem"]]
    assert lines == ["imagecode/image-sets does not exist: 20 pictures"]
