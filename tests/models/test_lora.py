"""Every LoRA format against merged weights and against diffusers' own loader."""

import json
import os
import pickle
import re
import subprocess
import sys

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from gdbench.errors import InputError
from gdbench.models.lora import check_fits, find_lora, load_lora
from gdbench.models.lora_file import convert, read_lora, write_lora

RANK = 4


def small_unet(width=16):
    """A network in the proportions of Stable Diffusion, cut down."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=width,
        attention_head_dim=4,
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        use_linear_projection=True,
    ).eval()


def attention_modules(unet):
    ends = ("to_q", "to_k", "to_v", "to_out.0")
    return {n: m for n, m in unet.named_modules() if n.endswith(ends) and ".attn" in n}


def matrices(unet, rank=RANK, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(rank, module.in_features, generator=generator) / 4,
            torch.randn(module.out_features, rank, generator=generator) / 4,
        )
        for name, module in attention_modules(unet).items()
    }


def tensors_2023(pairs):
    found = {}
    for name, (down, up) in pairs.items():
        stem, _, projection = name.replace(".to_out.0", ".to_out").rpartition(".")
        found[f"{stem}.processor.{projection}_lora.down.weight"] = down
        found[f"{stem}.processor.{projection}_lora.up.weight"] = up
    return found


def tensors_diffusers(pairs, down="lora.down", up="lora.up", prefix="unet."):
    found = {}
    for name, (a, b) in pairs.items():
        found[f"{prefix}{name}.{down}.weight"] = a
        found[f"{prefix}{name}.{up}.weight"] = b
    return found


def tensors_kohya(pairs, alpha):
    found = {}
    for name, (a, b) in pairs.items():
        stem = "lora_unet_" + name.replace(".", "_")
        found[f"{stem}.lora_down.weight"] = a
        found[f"{stem}.lora_up.weight"] = b
        found[f"{stem}.alpha"] = torch.tensor(alpha)
    return found


def forward(unet):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    text = torch.randn(2, 7, unet.config.cross_attention_dim, generator=generator)
    with torch.no_grad():
        return unet(x, torch.tensor([10, 700]), encoder_hidden_states=text).sample


def merged_forward(pairs, factor):
    unet = small_unet()
    with torch.no_grad():
        for name, (down, up) in pairs.items():
            unet.get_submodule(name).weight += factor * up @ down
    return forward(unet)


@pytest.fixture
def pairs():
    return matrices(small_unet())


def released(tmp_path, pairs):
    path = tmp_path / "pytorch_lora_weights.bin"
    torch.save(tensors_2023(pairs), path)
    return path


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_2023_format_equals_merged_weights(tmp_path, pairs, scale):
    path = released(tmp_path, pairs)
    unet = small_unet()
    before = forward(unet)
    info = load_lora(unet, path, scale)
    expected = merged_forward(pairs, scale)
    assert (expected - before).abs().max() > 0.01  # the LoRA does something
    torch.testing.assert_close(forward(unet), expected, rtol=1e-5, atol=1e-5)
    assert info.n_tensors == 2 * len(pairs) == len(tensors_2023(pairs))
    assert info.scale == scale
    assert info.sha256 == read_lora(path).sha256
    assert not any(p.requires_grad for p in unet.parameters())


def test_2023_format_equals_the_loader_of_diffusers_exactly(tmp_path, pairs):
    ours, theirs = small_unet(), small_unet()
    load_lora(ours, released(tmp_path, pairs))
    theirs.load_lora_adapter(tensors_2023(pairs), prefix=None)
    assert torch.equal(forward(ours), forward(theirs))


def test_scale_zero_changes_nothing(tmp_path, pairs):
    unet = small_unet()
    before = forward(unet)
    load_lora(unet, released(tmp_path, pairs), 0.0)
    torch.testing.assert_close(forward(unet), before, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("down", "up", "prefix"),
    [
        ("lora.down", "lora.up", "unet."),
        ("lora_A", "lora_B", "unet."),
        ("lora_A", "lora_B", ""),
        ("lora_A", "lora_B", "base_model.model."),
        ("lora_A.default", "lora_B.default", ""),
    ],
)
def test_diffusers_and_peft_formats(tmp_path, pairs, down, up, prefix):
    path = tmp_path / "x.safetensors"
    save_file(tensors_diffusers(pairs, down, up, prefix), path)
    unet = small_unet()
    load_lora(unet, path)
    torch.testing.assert_close(forward(unet), merged_forward(pairs, 1.0), rtol=1e-5, atol=1e-5)


def test_kohya_format_has_its_alpha(tmp_path, pairs):
    path = tmp_path / "kohya.safetensors"
    save_file(tensors_kohya(pairs, 2.0), path)
    unet = small_unet()
    load_lora(unet, path, 0.5)
    expected = merged_forward(pairs, 0.5 * 2.0 / RANK)
    torch.testing.assert_close(forward(unet), expected, rtol=1e-5, atol=1e-5)


def test_alpha_of_an_adapter_config(tmp_path, pairs):
    save_file(
        tensors_diffusers(pairs, "lora_A", "lora_B", "base_model.model."),
        tmp_path / "adapter_model.safetensors",
    )
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": 12}))
    unet = small_unet()
    load_lora(unet, tmp_path)
    expected = merged_forward(pairs, 12 / RANK)
    torch.testing.assert_close(forward(unet), expected, rtol=1e-5, atol=1e-5)


def test_a_file_that_diffusers_saved(tmp_path, pairs):
    from peft import LoraConfig

    theirs = small_unet()
    theirs.add_adapter(LoraConfig(r=3, lora_alpha=6, target_modules=["to_k", "to_v"]))
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, p in theirs.named_parameters():
            if "lora_" in name:
                p.copy_(torch.randn(p.shape, generator=generator) / 4)
    theirs.save_lora_adapter(tmp_path)
    ours = small_unet()
    info = load_lora(ours, tmp_path)
    assert info.n_tensors == len(load_file(tmp_path / "pytorch_lora_weights.safetensors"))
    assert torch.equal(forward(ours), forward(theirs))


@pytest.mark.parametrize("kind", ["2023", "kohya"])
def test_convert_is_exact_and_readable_by_diffusers(tmp_path, pairs, kind):
    if kind == "2023":
        source = released(tmp_path, pairs)
    else:
        source = tmp_path / "k.safetensors"
        save_file(tensors_kohya(pairs, 2.0), source)
    convert(source, tmp_path / "out.safetensors")
    one, two, theirs = small_unet(), small_unet(), small_unet()
    load_lora(one, source)
    load_lora(two, tmp_path / "out.safetensors")
    assert torch.equal(forward(one), forward(two))
    theirs.load_lora_adapter(tmp_path, weight_name="out.safetensors", prefix="unet")
    assert torch.equal(forward(one), forward(theirs))


def test_one_lora_has_one_hash_whatever_its_file(tmp_path, pairs):
    """Format, order of the tensors and notes of the file are no part of what is loaded."""
    first = tmp_path / "diffusers.safetensors"
    save_file(tensors_diffusers(pairs), first)
    lora = read_lora(first)
    hashes = {lora.sha256}
    for number, order in enumerate((sorted(lora.pairs), sorted(lora.pairs, reverse=True))):
        again = tmp_path / f"{number}.safetensors"
        write_lora(again, {name: lora.pairs[name] for name in order}, {"step": str(number)})
        hashes.add(read_lora(again).sha256)
    torch.save(tensors_2023(pairs), tmp_path / "2023.bin")
    hashes.add(read_lora(tmp_path / "2023.bin").sha256)
    save_file(tensors_kohya(pairs, float(RANK)), tmp_path / "kohya.safetensors")
    hashes.add(read_lora(tmp_path / "kohya.safetensors").sha256)
    assert len(hashes) == 1
    save_file(tensors_kohya(pairs, 2.0 * RANK), tmp_path / "twice.safetensors")
    assert read_lora(tmp_path / "twice.safetensors").sha256 not in hashes


def test_convert_rounds_to_float16_only_where_asked_and_where_it_fits(tmp_path, pairs):
    source = tmp_path / "k.safetensors"
    save_file(tensors_kohya(pairs, 2.0), source)
    exact, half = (convert(source, tmp_path / f"{h}.safetensors", half=h)[1] for h in (False, True))
    for name, pair in exact.pairs.items():
        assert torch.equal(half.pairs[name].up, pair.up.half())
        assert torch.equal(half.pairs[name].down, pair.down.half())
    big = {name: (down * 1e6, up) for name, (down, up) in pairs.items()}
    save_file(tensors_kohya(big, 2.0), source)
    with pytest.raises(InputError, match="beyond float16"):
        convert(source, tmp_path / "big.safetensors", half=True)
    assert not (tmp_path / "big.safetensors").exists()


def test_ranks_and_alphas_that_differ_survive_conversion(tmp_path):
    unet = small_unet()
    low, high = matrices(unet, 2), matrices(unet, 5, seed=2)
    mixed = {name: (low if i % 2 else high)[name] for i, name in enumerate(low)}
    tensors = {}
    for i, (name, pair) in enumerate(mixed.items()):
        tensors |= tensors_kohya({name: pair}, float(1 + i % 3))
    save_file(tensors, tmp_path / "k.safetensors")
    convert(tmp_path / "k.safetensors", tmp_path / "out.safetensors")
    one, two, theirs = small_unet(), small_unet(), small_unet()
    load_lora(one, tmp_path / "k.safetensors")
    load_lora(two, tmp_path / "out.safetensors")
    theirs.load_lora_adapter(tmp_path, weight_name="out.safetensors", prefix="unet")
    assert torch.equal(forward(one), forward(two))
    assert torch.equal(forward(one), forward(theirs))


def refuse(path, message, unet=None):
    with pytest.raises(InputError, match=message) as caught:
        load_lora(unet or small_unet(), path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_another_architecture_by_shape(tmp_path):
    path = released(tmp_path, matrices(small_unet(width=24)))
    refuse(path, r"made for another network: .*attn2.to_k maps 16 to 8 here, and 24 to 8")


def test_another_architecture_by_name(tmp_path, pairs):
    moved = {k.replace("up_blocks.1", "up_blocks.9"): v for k, v in tensors_2023(pairs).items()}
    path = tmp_path / "x.bin"
    torch.save(moved, path)
    refuse(path, r"made for another network: \d+ of \d+ modules")


@pytest.mark.parametrize("role", ["down", "up"])
def test_missing_half(tmp_path, pairs, role):
    tensors = tensors_2023(pairs)
    del tensors[next(k for k in tensors if f".{role}." in k)]
    torch.save(tensors, tmp_path / "x.bin")
    refuse(tmp_path / "x.bin", "incomplete")


def test_missing_projection_and_missing_attention_of_2023(tmp_path, pairs):
    tensors = tensors_2023(pairs)
    kept = {k: v for k, v in tensors.items() if not ("mid_block" in k and "attn1" in k)}
    assert len(kept) == len(tensors) - 8
    torch.save(kept, tmp_path / "x.bin")
    refuse(tmp_path / "x.bin", "4 of .* attention projections have no LoRA")
    kept = {
        k: v for k, v in tensors.items() if not ("mid_block" in k and "attn1.processor.to_v" in k)
    }
    torch.save(kept, tmp_path / "y.bin")
    refuse(tmp_path / "y.bin", "mid_block.*attn1 has no LoRA for to_v")


def test_unmatched_tensors_are_refused(tmp_path, pairs):
    tensors = {**tensors_2023(pairs), "something.else": torch.zeros(3)}
    torch.save(tensors, tmp_path / "x.bin")
    refuse(tmp_path / "x.bin", "something.else is in no known LoRA format")


def test_text_encoder_lora_is_refused(tmp_path, pairs):
    extra = {
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": torch.zeros(2, 2)
    }
    save_file({**tensors_kohya(pairs, 1.0), **extra}, tmp_path / "x.safetensors")
    refuse(tmp_path / "x.safetensors", "only LoRAs of the U-Net")


def test_locon_is_refused(tmp_path, pairs):
    extra = {"lora_unet_mid_block_resnets_0_conv1.hada_w1_a": torch.zeros(2, 2)}
    save_file({**tensors_kohya(pairs, 1.0), **extra}, tmp_path / "x.safetensors")
    refuse(tmp_path / "x.safetensors", "is not a kohya LoRA that diffusers can convert")


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_code_in_a_pickle_never_runs(tmp_path, pairs, plain_pickle):
    path, marker = tmp_path / "x.bin", tmp_path / "it-ran"
    content = {**tensors_2023(pairs), "boom": Payload(marker)}
    if plain_pickle:
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    refuse(path, "refused, the pickle asks to run|not a file of tensors")
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".bin", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x80\x02.", b"garbage" * 99])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    refuse(path, "not a|damaged|expected a flat")


def test_truncated_files(tmp_path, pairs):
    path = released(tmp_path, pairs)
    path.write_bytes(path.read_bytes()[:-500])
    refuse(path, "damaged|not a file")


def test_numbers_that_are_not_finite(tmp_path, pairs):
    tensors = tensors_2023(pairs)
    tensors[next(iter(tensors))][0, 0] = float("nan")
    torch.save(tensors, tmp_path / "x.bin")
    refuse(tmp_path / "x.bin", "not finite")


def test_a_view_of_one_number_cannot_claim_a_gigabyte(tmp_path, pairs):
    tensors = tensors_2023(pairs)
    tensors[next(iter(tensors))] = torch.zeros(1).expand(4, 10**9)
    torch.save(tensors, tmp_path / "x.bin")
    refuse(tmp_path / "x.bin", "claims more numbers")


def test_second_lora_is_refused(tmp_path, pairs):
    path, unet = released(tmp_path, pairs), small_unet()
    load_lora(unet, path)
    refuse(path, "has a LoRA already", unet)


def test_on_stable_diffusion_21_the_release_has_256_tensors(tmp_path):
    """Counts published with the paper's checkpoint: 256 tensors, 829,952 parameters, rank 4."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=64,
            cross_attention_dim=1024,
            attention_head_dim=(5, 10, 20, 20),
            use_linear_projection=True,
        )
    tensors = tensors_2023(
        {
            name: (torch.zeros(RANK, module.in_features), torch.zeros(module.out_features, RANK))
            for name, module in attention_modules(unet).items()
        }
    )
    torch.save(tensors, tmp_path / "x.bin")
    lora = read_lora(tmp_path / "x.bin")
    check_fits(lora, unet)
    assert 2 * len(lora.pairs) == len(tensors) == 256
    assert sum(p.down.numel() + p.up.numel() for p in lora.pairs.values()) == 829_952


def test_where_the_papers_checkpoints_go(tmp_path, monkeypatch, pairs):
    monkeypatch.setenv("GDBENCH_LORA", str(tmp_path))
    place = tmp_path / "hardneg-checkpoint-5000"
    with pytest.raises(InputError, match=re.escape(str(place))):
        find_lora("release:hardneg-checkpoint-5000")
    place.mkdir()
    released(place, pairs)
    assert find_lora("release:hardneg-checkpoint-5000") == place
    assert read_lora(place).format == "attention-processor-2023"


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        load_lora(small_unet(), tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    refuse(tmp_path / "empty", "no LoRA files in this folder")


def test_the_same_lora_has_the_same_bytes(tmp_path):
    """Also from another process: the library's hash maps have another order in each."""
    code = (
        "import sys, torch; from pathlib import Path; "
        "from gdbench.models.lora_file import Pair, write_lora; "
        "write_lora(Path(sys.argv[1]), {'a.to_q': Pair(torch.ones(2, 3), torch.ones(4, 2), 2.0)}, "
        "{'step': '5', 'base_sha256': '0', 'x': 'y'})"
    )
    written = set()
    for number in range(3):
        path = tmp_path / f"{number}.safetensors"
        subprocess.run([sys.executable, "-c", code, path], check=True)
        written.add(path.read_bytes())
    assert len(written) == 1
    assert read_lora(path).pairs["a.to_q"].alpha == 2.0
