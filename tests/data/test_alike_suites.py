"""SugarCrepe++, NaturalBench and MMVP-VLM: drawn pictures below files in the published layouts."""

from __future__ import annotations

import json
from itertools import permutations

import data_trees as trees
import hub_sets
import numpy as np
import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.data.check import check
from gdbench.data.mmvp_vlm import PATTERNS
from gdbench.data.status import part_states
from gdbench.metrics.matching import all_above_credits
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

NAMES = ("sugarcrepe_pp", "naturalbench", "mmvp_vlm")


def sugarcrepe_pp(root):
    rows = [
        {
            "id": i, "filename": f"{i:012}.jpg", "caption": f"A cat beside {i + 2} dogs.",
            "caption2": f"{i + 2} dogs are beside a cat.",
            "negative_caption": f"A cow beside {i + 2} dogs.",
        }
        for i in range(4)
    ]  # fmt: skip
    rows[2]["caption2"] = rows[2]["caption"]  # as in the published files
    rows[3]["negative_caption"] = rows[3]["caption2"]
    for name in TASKS.get("sugarcrepe_pp").expected["full"]:
        trees.write(root, f"sugarcrepe_pp/data/{name}.json", rows)
    trees.draw(root, *(f"sugarcrepe/val2017/{row['filename']}" for row in rows))


def naturalbench(root):
    pairs = [
        {
            "index": i, "image_0": f"{2 * i}.jpg", "image_1": f"{2 * i + 1}.jpg",
            "caption_0": f"a red cup {i}", "caption_1": f"a blue cup {i}",
        }
        for i in range(3)
    ]  # fmt: skip
    folder = "naturalbench/NaturalBench-Retrieval"
    trees.write(root, f"{folder}/metadata.json", pairs)
    trees.draw(root, *(f"{folder}/images/{i}.jpg" for i in range(6)))
    kinds = ["yes_no", "multiple_choice", "yes_no"]
    right = {"yes_no": ("Yes", "No"), "multiple_choice": ("A", "B")}
    content = {
        "Index": list(range(3)),
        "Image_0": [trees.encoded(f"left{i}.png") for i in range(3)],
        "Image_1": [trees.encoded(f"right{i}.png") for i in range(3)],
        "Question_0": ["Is it red?", "What is it? Option: A:a cup; B:a bowl;", "Is it round?"],
        "Question_1": ["Is it blue?", "Which? Option: A:one; B:two;", "Is it flat?"],
        "Image_0_Question_0": [right[kind][0] for kind in kinds],
        "Image_1_Question_0": [right[kind][1] for kind in kinds],
        "Image_0_Question_1": [right[kind][1] for kind in kinds],
        "Image_1_Question_1": [right[kind][0] for kind in kinds],
        "Question_Type": kinds,
        "Source": ["drawn"] * 3,
    }
    content["Image_1_Question_1"][2] = "No"  # no answer alternates: nothing to tell apart
    files = {"data/train-00000-of-00001.parquet": hub_sets.parquet(content, ("Image_0", "Image_1"))}
    hub_sets.snapshot(root, TASKS.get("naturalbench").published.hub[0].folder, files, None)


def mmvp_vlm(root, folder="mmvp_vlm"):
    lines = ["Question ID,Type,Statement"]
    for i in range(1, 2 * len(PATTERNS) + 1):
        pattern = PATTERNS[(i - 1) // 2]
        lines.append(f'{i},{pattern},"a dog, {"left" if i % 2 else "right"} of {i // 3} cats"')
        trees.draw(root, f"{folder}/MLLM_VLM Images/{pattern}/{i}.jpg")
    lines[1], lines[2] = lines[2], lines[1]  # the order of the lines decides nothing
    lines.append("19,Text,alone")
    trees.write(root, f"{folder}/Questions.csv", "\n".join(lines) + "\n")


MAKERS = {"sugarcrepe_pp": sugarcrepe_pp, "naturalbench": naturalbench, "mmvp_vlm": mmvp_vlm}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("alike")
    for make in MAKERS.values():
        make(root)
    return root


def test_sugarcrepe_pp(tree):
    found = check("sugarcrepe_pp", tree, entry=TASKS.get("sugarcrepe_pp").published)
    assert set(found.n_items.values()) == {3}
    assert len(found.n_items) == 5
    assert [r["entry"] for r in found.problems.rows if "wrong caption" in r["problem"]] == [
        "id 3"
    ] * 5
    item = found.items[0]
    assert item.texts == (
        "A cat beside 2 dogs.",
        "2 dogs are beside a cat.",
        "A cow beside 2 dogs.",
    )
    # a race between captions goes on until both true ones are told from the wrong one
    asked = TASKS.get("sugarcrepe_pp").items("full", tree, allow_partial=True)
    assert {item.ranks for item in asked} == {(2,)}


def test_naturalbench(tree):
    found = check("naturalbench", tree, entry=TASKS.get("naturalbench").published)
    assert found.n_items == {"retrieval": 3, "questions": 5}
    (problem,) = found.problems.rows
    assert problem["entry"] == "Index 2, question 1"
    by_id = {item.id: item for item in found.items}
    assert by_id["naturalbench/0/q0"].texts == ("Is it red? Yes", "Is it red? No")
    assert by_id["naturalbench/0/q1"].texts == ("Is it blue? No", "Is it blue? Yes")
    assert by_id["naturalbench/1/q0"].texts == ("What is it? a cup", "What is it? a bowl")
    assert {item.query for item in found.items} == {Query.MATCHING}
    assert by_id["naturalbench/1/q0"].cluster == by_id["naturalbench/1/q1"].cluster


def test_mmvp_vlm(tree, tmp_path):
    found = check("mmvp_vlm", tree, entry=TASKS.get("mmvp_vlm").published)
    assert [item.id for item in found.items] == [f"mmvp_vlm/{i}" for i in range(1, 19, 2)]
    assert [item.tags for item in found.items] == [(name,) for name in PATTERNS]
    assert found.items[0].texts == (
        "a photo of a dog, left of 0 cats", "a photo of a dog, right of 0 cats",
    )  # fmt: skip
    problems = {row["entry"]: row["problem"] for row in found.problems.rows}
    assert problems["Question ID 19 and 20"] == "one of the pair is missing"
    # the snapshot of the hub is read where it lies
    entry = TASKS.get("mmvp_vlm").published
    mmvp_vlm(tmp_path, entry.hub[0].folder)
    again = check("mmvp_vlm", tmp_path, entry=entry)
    assert [item.id for item in again.items] == [item.id for item in found.items]
    trees.write(tmp_path, "mmvp_vlm/Questions.csv", "Question ID,Kind,Statement\n1,Text,a\n")
    broken = check("mmvp_vlm", tmp_path, entry=entry)
    assert "no such column" in broken.problems.rows[0]["problem"]


@pytest.mark.parametrize("name", NAMES)
def test_apart_from_the_score_with_a_place_to_fetch_from(name, tmp_path):
    task = TASKS.get(name)
    assert task.kind == "extra"
    assert name not in GDBENCH
    states = part_states(name, tmp_path, task.published)
    assert {state.access for state in states} == {"open"}
    assert all(state.source.startswith(("hub: ", "http")) for state in states)


@pytest.mark.parametrize("name", NAMES)
def test_the_blind_control_of_each_runs_and_is_right_for_nothing_it_has_to_see(
    name, tree, tmp_path
):
    done = CliRunner().invoke(
        app,
        ["evaluate", "--model", "control:text-only:mini-clip", "--tasks", name, "--root", str(tree),
         "--allow-partial", "--out", str(tmp_path / "run"), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "run" / name / "record.json").read_text())
    values = {metric["name"]: metric["value"] for metric in record["metrics"]}
    if name == "sugarcrepe_pp":
        assert 0 <= values["macro"] <= 1
    elif name == "mmvp_vlm":
        assert (values["image"], values["text"], values["image_text"]) == (0.25, 0, 0.25)
    else:
        assert (values["text"], values["image"], values["question"]) == (0, 0.25, 0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_all_above_is_the_share_of_orders_of_equal_scores(k):
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 3, size=(200, 4)).astype(float)
    found = all_above_credits(scores, k)
    for i, row in enumerate(scores):
        right = [
            min((v, o) for v, o in zip(row[:k], order[:k], strict=True))
            > max((v, o) for v, o in zip(row[k:], order[k:], strict=True))
            for order in permutations(range(4))
        ]
        assert found.expected[i] == pytest.approx(np.mean(right))
        assert found.strict[i] == (min(row[:k]) > max(row[k:]))
        assert found.lenient[i] == (min(row[:k]) >= max(row[k:]))
