"""`gdbench compare`: who has a rank."""

import json

import pytest

from gdbench.evaluation import evaluate
from gdbench.models.baselines import Constant, Random
from gdbench.tasks import TASKS


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of two runs, by the number of items that they were limited to."""
    root = tmp_path_factory.mktemp("runs")
    folders = {}
    for limit in (None, 5):
        folders[limit] = [root / f"{limit}-{m.__name__}" for m in (Constant, Random)]
        for model, out in zip((Constant(), Random()), folders[limit], strict=True):
            evaluate(model, [TASKS.get("winoground")], out, suite="mini", limit=limit)
    return folders


def test_models_with_all_items_have_ranks(gdbench, runs):
    done = gdbench("compare", *runs[None])
    assert "no ranks" not in done.out
    assert "cannot be told apart: " in done.out
    ranking = json.loads(gdbench("compare", *runs[None], "--json").out)["ranking"]
    assert {(r["best"], r["worst"]) for r in ranking["ranks"]} == {(1, 2)}


def test_models_with_few_items_have_differences_and_no_ranks(gdbench, runs):
    done = gdbench("compare", *runs[5])
    assert "no ranks: constant@1 has 5 of 100 items of winoground" in done.out
    assert "told apart" not in done.out
    told = json.loads(gdbench("compare", *runs[5], "--json").out)
    assert (told["ranking"]["ranks"], told["ranking"]["groups"]) == ([], [])
    assert told["comparisons"][0]["tasks"][0]["n"] == 15


@pytest.mark.parametrize("margin", [99, 0.01])
def test_equal_within_a_margin(gdbench, runs, margin):
    done = gdbench("compare", *runs[None], "--margin", margin)
    equal = f"equal within {margin:g} points: winoground"
    assert (equal in done.out) == (margin > 1)
    assert ("not shown to be: winoground" in done.out) == (margin < 1)
