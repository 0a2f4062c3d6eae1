import json
from pathlib import Path


def test_what_each_item_took_is_told(gdbench):
    made = gdbench(
        "evaluate", "--model", "mini-sd-early", "--suite", "mini", "--tasks", "flickr30k",
        "--samples", "16", "--limit", "2", "--stop", "sequential", "--stop-ranks", "5,1",
        "--delta", "0.4", "--out", "run",
    )  # fmt: skip
    assert made.code == 0
    assert json.loads(Path("run/run.json").read_text())["spec"]["settings"]["stop_ranks"] == [1, 5]
    items = json.loads(gdbench("stopping", "run", "--json").out)["flickr30k"]
    # pictures are compared less their error under the empty prompt
    pairs = {"image_retrieval": 10 + 10, "text_retrieval": 10}
    for item in items:
        assert item["full_passes"] == 16 * pairs[item["item"].rsplit("-", 1)[0]]
        assert 8 * 10 <= item["passes"] <= item["full_passes"]
        assert item["margin"] >= 0
    table = gdbench("stopping", "run").out
    assert "flickr30k" in table
    assert max(map(len, table.splitlines())) <= 80
    assert gdbench("verify", "run").code == 0


def test_what_is_promised_follows_from_where_items_ended(gdbench):
    for rule, delta in (("predictive", 0.5), ("sequential", 0.5), ("none", None)):
        chosen = ["--stop", rule, *([] if delta is None else ["--delta", str(delta)])]
        gdbench(
            "evaluate", "--model", "mini-sd-early", "--suite", "mini2", "--tasks", "aro",
            "--samples", "24", "--limit", "2", *chosen, "--out", rule,
        )  # fmt: skip
        items = json.loads(gdbench("stopping", rule, "--json").out)["aro"]
        left = [item["last_left"] for item in items]
        promised = {
            "predictive": 100 - 50 * sum(left) / len(left) / 24, "sequential": 50, "none": 100
        }[rule]  # fmt: skip
        assert any(left) == (rule != "none")
        assert gdbench("stopping", rule).out.split()[-2:] == [f"{promised:.1f}", "%"]


def test_a_model_without_timesteps_is_refused_in_one_line(gdbench):
    gdbench(
        "evaluate", "--model", "constant", "--suite", "mini", "--tasks", "pets", "--limit", "1",
        "--out", "run",
    )  # fmt: skip
    refused = gdbench("stopping", "run")
    assert refused.code == 2
    assert "does not average over timesteps" in refused.err


def test_unknown_ranks_are_refused(gdbench):
    refused = gdbench(
        "evaluate", "--model", "constant", "--suite", "mini", "--stop-ranks", "1,x", "--out", "run"
    )
    assert refused.code == 2
    assert "--stop-ranks" in refused.err
