"""What is loaded has one identity: all that can change a score, however it is spelled."""

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families.sd import StableDiffusion

WEIGHTS = "diffusion_pytorch_model"


@pytest.fixture
def copy(tiny_sd, tmp_path):
    return shutil.copytree(tiny_sd, tmp_path / "copy")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("file", "changes", "part"),
    [
        ("vae/config.json", {"scaling_factor": 0.7}, "vae_config"),
        ("unet/config.json", {"norm_eps": 1e-3}, "network_config"),
        ("text_encoder/config.json", {"hidden_act": "gelu"}, "text_encoder_config"),
        ("scheduler/scheduler_config.json", {"beta_end": 0.02}, "scheduler"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 5}, "tokenizer"),
    ],
)
def test_every_configuration_is_content(tiny_sd, copy, file, changes, part):
    edit(copy / file, **changes)
    assert StableDiffusion.content_of(copy).differences(StableDiffusion.content_of(tiny_sd)) == [
        part
    ]


def test_another_scaling_factor_is_another_model_with_other_scores_in_one_cache(
    tiny_sd, copy, load, items, tmp_path
):
    cache = tmp_path / "cache"
    first = load(tiny_sd, cache_dir=cache)
    before = [s.matrix for s in first.score_items(items)]
    edit(copy / "vae/config.json", scaling_factor=0.7)
    second = load(copy, cache_dir=cache)
    after = [s.matrix for s in second.score_items(items)]
    assert second.card.revision != first.card.revision
    assert not any(np.allclose(a, b) for a, b in zip(before, after, strict=True))
    fresh = [s.matrix for s in load(copy).score_items(items)]
    for cached, made in zip(after, fresh, strict=True):
        np.testing.assert_array_equal(cached, made)


def test_a_cache_outlives_the_model(tiny_sd, load, items, tmp_path):
    cache = tmp_path / "cache"
    before = [s.matrix for s in load(cache_dir=cache).score_items(items)]
    again = load(cache_dir=cache)
    after = [s.matrix for s in again.score_items(items)]
    assert again.encoders.latents_made == 0
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def shard(folder):
    """The same weights in two files with an index."""
    tensors = load_file(folder / f"{WEIGHTS}.safetensors")
    names = sorted(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    index = {}
    for number, half in enumerate(halves, 1):
        file = f"{WEIGHTS}-{number:05d}-of-00002.safetensors"
        save_file({n: tensors[n] for n in half}, folder / file)
        index |= dict.fromkeys(half, file)
    (folder / f"{WEIGHTS}.safetensors").unlink()
    (folder / f"{WEIGHTS}.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": index})
    )


def test_shards_and_files_beside_them_are_the_same_model(tiny_sd, copy, load, items):
    shard(copy / "unet")
    half = {n: t.half() for n, t in load_file(copy / "vae" / f"{WEIGHTS}.safetensors").items()}
    save_file(half, copy / "vae" / f"{WEIGHTS}.fp16.safetensors")
    (copy / "vae" / "README.md").write_text("unused")
    edit(copy / "unet/config.json", _diffusers_version="9.9", _name_or_path="elsewhere")
    assert StableDiffusion.content_of(copy) == StableDiffusion.content_of(tiny_sd)
    plain, sharded = load(tiny_sd), load(copy)
    assert plain.card.revision == sharded.card.revision
    one, other = (next(iter(m.score_items(items))) for m in (plain, sharded))
    np.testing.assert_array_equal(one.errors, other.errors)


def test_a_missing_shard_is_named(copy):
    shard(copy / "unet")
    (copy / "unet" / f"{WEIGHTS}-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"the shard .*00002-of-00002.safetensors is missing"):
        StableDiffusion.content_of(copy)


def test_precision_is_a_setting_and_no_content(load):
    half, whole = load(dtype="bfloat16"), load()
    assert half.content == whole.content
    assert (half.settings.dtype, whole.settings.dtype) == ("bfloat16", "float32")


@pytest.mark.parametrize(
    ("file", "tensor"),
    [
        (f"unet/{WEIGHTS}.safetensors", "conv_in.weight"),
        (f"vae/{WEIGHTS}.safetensors", "encoder.conv_in.weight"),
        ("text_encoder/model.safetensors", "final_layer_norm.weight"),
    ],
)
def test_no_weight_is_drawn_at_random(copy, load, file, tensor):
    weights = load_file(copy / file)
    (name,) = [n for n in weights if n.endswith(tensor)]
    save_file({n: t for n, t in weights.items() if n != name}, copy / file)
    part = file.partition("/")[0]
    with pytest.raises(InputError, match=rf"{part}: .*{tensor}"):
        load(copy)
