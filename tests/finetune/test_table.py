"""The ablation's table against the records that evaluate() wrote."""

import re

import numpy as np
import pytest
from PIL import Image

from gdbench.evaluation import evaluate
from gdbench.finetune import table
from gdbench.finetune.samples import grid
from gdbench.models import load_model
from gdbench.tasks import select

TASKS = select("clevr,winoground", "mini")
LIMIT = 12


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    records = {}
    for name in ("constant", "random"):
        model = load_model(name)
        records[name] = evaluate(model, TASKS, root / name, suite="mini", limit=LIMIT)
    return root, records


@pytest.fixture(scope="module")
def samples(runs):
    root, _ = runs
    return {key: table.samples_of(root / key, TASKS) for key in ("constant", "random")}


def values(records):
    return {
        f"{record.task.name}/{metric.name}": metric.value
        for record in records
        for metric in record.metrics
    }


def test_samples_have_the_values_of_the_records(runs, samples):
    _, records = runs
    for key, found in samples.items():
        recorded = values(records[key])
        assert set(found) == {
            "clevr/macro", "winoground/text", "winoground/image", "winoground/group",
        }  # fmt: skip
        for name, one in found.items():
            assert one.mean(one.expected) == pytest.approx(recorded[name], abs=1e-12)


def test_a_constant_model_is_at_chance_and_differs_from_itself_by_nothing(samples):
    base = samples["constant"]
    for one in base.values():
        assert one.mean(one.expected) == pytest.approx(one.mean(one.chance), abs=1e-12)
    (row,) = table.rows(base, {"none": [base, base]})
    for cell in row.columns.values():
        assert cell.difference == 0
        assert cell.p_value == 1
        assert not cell.significant()


def perfect(samples):
    from dataclasses import replace

    return {name: replace(s, expected=np.ones_like(s.expected)) for name, s in samples.items()}


def test_seeds_are_averaged_and_a_perfect_model_is_significant(samples):
    base = samples["constant"]
    best = perfect(base)
    (row,) = table.rows(base, {"mixed": [base, best]})
    for name, one in base.items():
        half = (1 + one.mean(one.expected)) / 2
        cell = row.columns[name]
        assert cell.first == pytest.approx(half)
        assert cell.difference == pytest.approx(half - one.mean(one.expected))
        assert row.by_seed[name] == pytest.approx((one.mean(one.expected), 1.0))
        assert cell.significant()
    mean = np.mean([cell.first for name, cell in row.columns.items() if name != table.MEAN])
    assert row.columns[table.MEAN].first == pytest.approx(mean)


def test_runs_of_other_items_are_not_averaged(samples):
    one = samples["constant"]["clevr/macro"]
    other = samples["constant"]["winoground/text"]
    with pytest.raises(ValueError, match="same items"):
        table.averaged([one, other])


def test_markdown_has_a_row_for_each_kind_and_a_column_for_each_metric(samples):
    base = samples["constant"]
    found = table.rows(base, {"none": [base], "mixed": [perfect(base)]})
    lines = table.markdown("mini-sd", base, found, "A note.").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert rows[0].count("|") == 2 + len(base) + 1
    assert rows[3].startswith("| mini-sd | 50.0 |")
    assert rows[5].startswith("| + mixed (1 seeds) | 100.0 (+50.0")
    assert re.search(r"100\.0 \(\+50\.0(, [+-][\d.]+ to [+-][\d.]+)?\) \*", rows[5])
    assert "A note." in lines


def test_grid_of_samples():
    pictures = [Image.new("RGB", (64, 64), c) for c in ("red", "blue")]
    sheet = grid({"before": pictures, "after": pictures[::-1]}, ("one", "two"))
    colours = {colour for _, colour in sheet.getcolors(1 << 20)}
    assert {(255, 0, 0), (0, 0, 255)} <= colours
    counts = {colour: n for n, colour in sheet.getcolors(1 << 20)}
    assert counts[255, 0, 0] == counts[0, 0, 255] == 2 * 128 * 128
