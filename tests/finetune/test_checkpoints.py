"""A run that goes on: damaged and foreign checkpoints, results that are not whole, two trainers."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gdbench.errors import GdbenchError, InputError
from gdbench.finetune import trainer as trainer_module
from gdbench.run_lock import LockedError, locked

WEIGHTS = "pytorch_lora_weights.safetensors"


def test_damaged_checkpoint_is_one_line(train, tmp_path):
    train(tmp_path / "run", steps=2)
    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "checkpoints" / "step-00000002" / "state.json").write_text("{")
    with pytest.raises(InputError, match="step-00000002: damaged checkpoint"):
        train(tmp_path / "run", steps=2)


@pytest.fixture
def unfinished(train, tmp_path):
    """A run of 3 steps of which the last is to be done again, and its newest checkpoint."""
    train(tmp_path / "run", steps=3, checkpoint_every=1)
    for name in ("result.json", WEIGHTS):
        (tmp_path / "run" / name).unlink()
    shutil.rmtree(tmp_path / "run/checkpoints/step-00000003")
    return tmp_path / "run/checkpoints/step-00000002"


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["optimizer.safetensors", WEIGHTS, "state.json", "SHA256SUMS"])
@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_any_damage_of_a_checkpoint_is_one_line(train, unfinished, name, damage):
    damage(unfinished / name)
    run = unfinished.parent.parent
    if name == "SHA256SUMS" and damage is Path.unlink:
        # as checkpoints of before
        assert train(run, steps=3, checkpoint_every=1).steps == 3
        return
    with pytest.raises(InputError, match="step-00000002: damaged checkpoint"):
        train(run, steps=3, checkpoint_every=1)
    shutil.rmtree(unfinished)
    assert train(run, steps=3, checkpoint_every=1).steps == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": "2"}, "Unknown format code"),
        ({"step": 1}, "it is of step 1"),
        ({"step": 500}, "it is of step 500"),
        ({"random_states": 7}, "int"),
        ({"random_states": [{}]}, "python"),
        ({"random_states": [{"python": [3, [1], None]}]}, "state vector"),
        ({"other": 1}, "unexpected keyword"),
    ],
)
def test_a_state_that_was_edited_is_one_line(train, unfinished, change, words):
    (unfinished / "SHA256SUMS").unlink()
    state = unfinished / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | change))
    with pytest.raises(InputError, match=f"damaged checkpoint .*{words}"):
        train(unfinished.parent.parent, steps=3, checkpoint_every=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda moments: {"a.b": torch.zeros(1)},
        lambda moments: {},
        lambda moments: {f"9{name}": moment for name, moment in moments.items()},
        lambda moments: {n: m.new_zeros(7) if m.ndim else m for n, m in moments.items()},
    ],
)
def test_an_optimiser_of_another_network_is_refused(train, unfinished, change):
    (unfinished / "SHA256SUMS").unlink()
    path = unfinished / "optimizer.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(InputError, match="damaged checkpoint"):
        train(unfinished.parent.parent, steps=3, checkpoint_every=1)


def test_a_lora_of_another_rank_is_refused(train, unfinished, tmp_path):
    (unfinished / "SHA256SUMS").unlink()
    train(tmp_path / "other", steps=2, rank=2)
    shutil.copyfile(tmp_path / "other" / WEIGHTS, unfinished / WEIGHTS)
    with pytest.raises(InputError, match=r"damaged checkpoint .its LoRA has rank 2"):
        train(unfinished.parent.parent, steps=3, checkpoint_every=1)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (WEIGHTS, Path.unlink),
        (WEIGHTS, lambda path: path.write_bytes(b"none")),
        ("result.json", lambda path: path.write_text("[]")),
        ("result.json", lambda path: path.write_text("{")),
    ],
)
def test_a_damaged_result_is_made_again(train, tmp_path, name, damage):
    first = train(tmp_path / "run", steps=2)
    weights = (tmp_path / "run" / WEIGHTS).read_bytes()
    damage(tmp_path / "run" / name)
    assert train(tmp_path / "run", steps=2) == first
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == weights


def test_best_weights_that_are_gone_are_told_before_training(train, tmp_path):
    options = {"steps": 2, "validate_every": 1, "validation_items": 2, "validation_samples": 1}
    train(tmp_path / "run", **options)
    for name in ("result.json", f"best/{WEIGHTS}"):
        (tmp_path / "run" / name).unlink()
    with pytest.raises(InputError, match=r"best weights so far, of step \d; put it back"):
        train(tmp_path / "run", **options)


def test_a_folder_has_one_trainer(train, unfinished):
    run = unfinished.parent.parent
    with locked(run), pytest.raises(LockedError, match="is in use by"):
        train(run, steps=3, checkpoint_every=1)
    assert train(run, steps=3, checkpoint_every=1).steps == 3
    assert not (run / ".lock").exists()


def test_a_checkpoint_that_does_not_fit_the_memory_is_not_called_damaged(
    train, unfinished, monkeypatch
):
    monkeypatch.setattr(trainer_module, "load", lambda *_: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(GdbenchError, match="out of memory on cpu"):
        train(unfinished.parent.parent, steps=3, checkpoint_every=1)
