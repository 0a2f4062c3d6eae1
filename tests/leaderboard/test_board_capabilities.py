"""Capabilities: what feeds them, and how their values follow from the sub-tasks."""

import json

import pytest
from test_board_build import Page

from gdbench.leaderboard.judge.capabilities import CAPABILITIES, capability, raised
from gdbench.metrics.estimate import Estimate
from gdbench.tasks import ABILITY, TASKS


def test_chance_is_nought_and_perfect_is_one():
    assert raised(Estimate(0.5, 0.5, 1.0), 0.5) == Estimate(0.0, 0.0, 1.0)
    assert raised(Estimate(0.325), 0.1).value == pytest.approx(0.25)
    assert raised(Estimate(0.0), 0.5).value == -1


def test_every_primary_sub_task_feeds_a_capability_once():
    feeds = [key for c in CAPABILITIES for key in c.feeds]
    assert len(feeds) == len(set(feeds))
    for name in ABILITY:
        task = TASKS.get(name)
        primary = task.primary if name != "clevr" else [
            m.name for m in task.measures
            if m.name not in ("micro", "macro", "spatial_other_order")
        ]  # fmt: skip
        assert {(name, metric) for metric in primary} <= set(feeds)
    for task, metric in feeds:
        assert metric in {m.name for m in TASKS.get(task).measures}


def test_a_value_is_the_mean_way_and_says_how_many_it_rests_on():
    one = next(c for c in CAPABILITIES if c.name == "Word order")
    numbers = {("aro", "coco_order"): (Estimate(0.6), 0.2)}
    found = capability(one, numbers.get, one.feeds)
    assert (found.estimate.value, found.n, found.of) == (pytest.approx(0.5), 1, 2)
    assert capability(one, {}.get, one.feeds) is None


def test_the_page_follows_from_the_data(synthetic_site):
    """One cell made again from leaderboard.json."""
    told = json.loads((synthetic_site / "leaderboard.json").read_text())
    row = told["pools"][0]["results"][0]
    aro = row["tasks"]["aro"]["metrics"]
    ways = [(aro[m]["value"] - 0.5) / 0.5 for m in ("coco_order", "flickr30k_order")]
    text = Page(synthetic_site / "capabilities" / "index.html").text
    line = next(x for x in text.splitlines() if x.strip().startswith(row["model"]))
    assert f"{100 * sum(ways) / 2:.0f}" in line
