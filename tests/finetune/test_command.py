"""The command line of LoRA conversion and fine-tuning."""

import json

import pytest
import torch
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError
from gdbench.models.lora_file import read_lora

runner = CliRunner()
MODULE = "mid_block.attentions.0.transformer_blocks.0.attn1"


def released(path):
    tensors = {}
    for projection in ("to_q", "to_k", "to_v", "to_out"):
        stem = f"{MODULE}.processor.{projection}_lora"
        tensors[f"{stem}.down.weight"] = torch.randn(4, 8)
        tensors[f"{stem}.up.weight"] = torch.randn(8, 4)
    torch.save(tensors, path)
    return tensors


def test_lora_convert(tmp_path):
    tensors = released(tmp_path / "old.bin")
    arguments = ["lora", "convert", str(tmp_path / "old.bin"), str(tmp_path / "new"), "--json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["n_tensors"] == 8
    assert summary["format"] == "attention-processor-2023"
    assert summary["ranks"] == [4]
    new = read_lora(tmp_path / "new")
    assert new.sha256 == summary["target_sha256"]
    old = tensors[f"{MODULE}.processor.to_out_lora.up.weight"]
    assert torch.equal(new.pairs[f"{MODULE}.to_out.0"].up, old)


def test_lora_convert_refuses_other_targets(tmp_path):
    released(tmp_path / "old.bin")
    result = runner.invoke(app, ["lora", "convert", str(tmp_path / "old.bin"), "x.ckpt"])
    assert isinstance(result.exception, InputError)
    assert "safetensors" in str(result.exception)


def test_finetune_command(tiny_sd, tmp_path):
    out = tmp_path / "run"
    arguments = [
        "finetune", "hardneg", "--base", str(tiny_sd), "--data", "mini", "--out", str(out),
        "--steps", "1", "--batch-size", "1", "--scenes", "8", "--validate-every", "1",
        "--validation-items", "4", "--validation-samples", "1", "--cpu", "--json",
    ]  # fmt: skip
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["steps"] == summary["best_step"] == 1
    assert (out / summary["weights"]).is_file()


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--learning-rate", "nan"), ("--learning-rate", "0"), ("--alpha", "-1"), ("--bound", "inf")],
)
def test_numbers_that_make_no_sense(tiny_sd, tmp_path, flag, value):
    arguments = [
        "finetune", "hardneg", "--base", str(tiny_sd), "--data", "mini", "--cpu",
        "--out", str(tmp_path / "run"), flag, value,
    ]  # fmt: skip
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(f"{flag} ")
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written(tiny_sd, train, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        train(tmp_path / "file" / "run")
