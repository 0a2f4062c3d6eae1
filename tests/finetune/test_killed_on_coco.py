"""NegCLIP's tables as published, drawn pictures, a kill -9 between validations: the same bytes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from gdbench.finetune.coco import HELD_OUT_TABLE, TRAIN_TABLE, NegCLIPTable
from gdbench.finetune.journal import read

HEADER = ("", "title", "filepath", "neg_caption", "neg_image")
STEPS, WEIGHTS = 8, "pytorch_lora_weights.safetensors"


def table(path, split_of, n):
    """The published form: a running number, lists as Python writes them, neighbours as rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(HEADER)
        for i in range(n):
            split = split_of(i)
            name = f"COCO_{split}_{i:012}.jpg"
            title = f"A dog chases {i} cats." if i != 1 else "A dog,\nand a cat."
            wrong = [f"{i} cats chase a dog.", f"A cat chases {i} dogs."][: 1 + i % 2]
            near = [(i + k) % n for k in (1, 2, 3)]
            writer.writerow((i, title, f"coco/{split}/{name}", str(wrong), str(near)))
            folder = path.parent.parent / ("coco" if split == "train2014" else "coco_order") / split
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (24, 16), (37 * i % 256, 90, 150)).save(folder / name)


@pytest.fixture
def data(tmp_path):
    """Tables and pictures where `gdbench data fetch coco negclip` puts them."""
    root = tmp_path / "data"
    (root / "coco").mkdir(parents=True)
    table(root / "coco" / TRAIN_TABLE, lambda i: "val2014" if i % 3 == 0 else "train2014", 9)
    table(root / "coco" / HELD_OUT_TABLE, lambda i: "val2014", 6)
    return root


def test_the_tables_are_read_as_published(data):
    train = NegCLIPTable(data / "coco" / TRAIN_TABLE, data)
    assert (len(train), train.left_out) == (9, 0)
    assert train.row(1).text == "A dog,\nand a cat."
    assert [p.path.parent.name for p in train.near_images(train.row(1))] == [
        "train2014", "val2014", "train2014",
    ]  # fmt: skip


@pytest.mark.slow
def test_killed_and_resumed_with_validation_gives_the_same_bytes(data, tiny_sd, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def command(out):
        return [
            sys.executable, "-m", "gdbench", "finetune", "hardneg", "--base", str(tiny_sd),
            "--data", "coco", "--root", str(data), "--out", str(out), "--cpu",
            "--steps", str(STEPS), "--batch-size", "2", "--checkpoint-every", "2",
            "--validate-every", "3", "--validation-items", "3", "--validation-samples", "2",
        ]  # fmt: skip

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), check=True, env=environment)
    process = subprocess.Popen(command(killed), env=environment)
    deadline = time.monotonic() + 300
    while len(read(killed / "log.jsonl")) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "result.json").exists()
    again = subprocess.run(command(killed), check=True, env=environment)
    assert again.returncode == 0
    assert (killed / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    results = [json.loads((out / "result.json").read_text()) for out in (whole, killed)]
    assert results[0]["best_step"] == results[1]["best_step"]
    assert results[0]["best_score"] == results[1]["best_score"]
