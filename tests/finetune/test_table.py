"""The ablation's table against the records that evaluate() wrote."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gdbench.evaluation import evaluate
from gdbench.finetune import table
from gdbench.finetune.effects import effects
from gdbench.finetune.samples import grid
from gdbench.models import load_model
from gdbench.tasks import select

TASKS = select("clevr,aro", "mini2")
LIMIT = 12


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    records = {}
    for name in ("constant", "random"):
        model = load_model(name)
        records[name] = evaluate(model, TASKS, root / name, suite="mini2", limit=LIMIT)
    return root, records


@pytest.fixture(scope="module")
def samples(runs):
    root, _ = runs
    return {key: table.samples_of(root / key, TASKS) for key in ("constant", "random")}


def test_samples_have_the_values_of_the_records(runs, samples):
    _, records = runs
    for key, found in samples.items():
        recorded = {
            f"{record.task.name}/{metric.name}": metric.value
            for record in records[key]
            for metric in record.metrics
        }
        assert {"clevr/spatial", "aro/coco_order"} < set(found) <= set(recorded)
        for name, one in found.items():
            assert one.mean(one.expected) == pytest.approx(recorded[name], abs=1e-12)


def test_markdown_has_a_row_for_each_kind_and_a_column_for_each_ability(samples):
    base = samples["constant"]
    best = {name: replace(s, expected=np.ones_like(s.expected)) for name, s in base.items()}
    found = effects(base, {"none": [base], "mixed": [best]})
    lines = table.markdown("mini-sd", base, found, "A note.").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert rows[0] == "|  | recognition | binding | relation | order | all |"
    assert rows[2].startswith("| items | 24 | 60 | 24 | 24 |")
    assert rows[4].startswith("| mini-sd | 50.0 |")
    assert re.match(r"\| \+ no negatives \| 50\.0 \([+-]?0\.0, ", rows[5])
    assert re.match(r"\| \+ mixed \| 100\.0 \(\+50\.0, [+-][\d.]+ to [+-][\d.]+\) \* \|", rows[6])
    assert rows[7].startswith("| found with 80 % |")
    assert "A note." in lines


def test_grid_of_samples():
    pictures = [Image.new("RGB", (64, 64), c) for c in ("red", "blue")]
    sheet = grid({"before": pictures, "after": pictures[::-1]}, ("one", "two"))
    colours = {colour for _, colour in sheet.getcolors(1 << 20)}
    assert {(255, 0, 0), (0, 0, 255)} <= colours
    counts = {colour: n for n, colour in sheet.getcolors(1 << 20)}
    assert counts[255, 0, 0] == counts[0, 0, 255] == 2 * 128 * 128
