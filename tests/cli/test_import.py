"""`gdbench import`, and its numbers on a board."""

import json


def test_from_a_file_to_a_board(gdbench, tmp_path):
    content = {
        "dataset": "winoground",
        "model": "ViT-<b>32",
        "pretrained": "openai",
        "task": "image_caption_selection",
        "metrics": {"acc": 0.0825},
        "language": "en",
    }
    (tmp_path / "r.json").write_text(json.dumps(content))
    answer = gdbench("import", "r.json")
    assert answer.code == 0, answer.err
    assert "winoground" in answer.out
    assert "8.2" in answer.out
    (made,) = (tmp_path / "reported").iterdir()
    assert made.name == "clip_benchmark-vit-b-32-openai.json"
    words = ("evaluate", "-m", "constant", "--suite", "mini", "--limit", 2, "--tasks", "winoground")
    assert gdbench(*words, "--out", "runs/c").code == 0
    words = ("leaderboard", "build", "--runs", "runs/c", "--reported", "reported")
    assert gdbench(*words, "--out", "board").code == 0
    pages = "".join(p.read_text() for p in (tmp_path / "board").rglob("*.html"))
    assert "ViT-&lt;b&gt;32 openai" in pages
    assert "<b>32" not in pages


def test_nothing_to_import_is_a_failure(gdbench, tmp_path):
    content = {"dataset": "cifar10", "model": "m", "task": "t", "metrics": {"acc1": 0.9}}
    (tmp_path / "r.json").write_text(json.dumps(content))
    answer = gdbench("import", "r.json")
    assert answer.code == 2
    first, last = answer.err.splitlines()
    assert first == "left out: r.json: cifar10 (acc1) answers no question of ours"
    assert last == "gdbench: nothing was imported"
