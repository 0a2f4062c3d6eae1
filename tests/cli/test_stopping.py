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
