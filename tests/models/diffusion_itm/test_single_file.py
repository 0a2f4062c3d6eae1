"""A tiny Stable Diffusion in the layout of the first release, converted and scored."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from safetensors.torch import load_file, save_file

from gdbench.errors import InputError
from gdbench.models import load_model
from gdbench.models.diffusion_itm.single_file import read_header

UNET = [
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
    ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.0.", "middle_block.0."),
    ("mid_block.resnets.1.", "middle_block.2."),
]
RESNET = [
    ("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."), ("time_emb_proj.", "emb_layers.1."),
    ("conv_shortcut.", "skip_connection."),
]  # fmt: skip
VAE_RESNET = [("conv_shortcut.", "nin_shortcut.")]
VAE = [
    ("conv_norm_out.", "norm_out."), ("mid_block.resnets.0.", "mid.block_1."),
    ("mid_block.resnets.1.", "mid.block_2."), ("mid_block.attentions.0.", "mid.attn_1."),
]  # fmt: skip
VAE_ATTENTION = [
    ("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
]  # fmt: skip


def renamed(name, pairs):
    for new, old in pairs:
        if name.startswith(new):
            return old + name.removeprefix(new)
    return name


def released_unet(unet):
    """Its tensors under the names of the first release."""
    layers = unet.config.layers_per_block
    pairs = list(UNET)
    for i, kind in enumerate(unet.config.up_block_types):
        first = (layers + 1) * i
        for j in range(layers + 1):
            pairs += [
                (f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{first + j + 1}.0."),
                (f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{first + j + 1}.1."),
                (f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{first + j}.0."),
                (f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{first + j}.1."),
            ]
        next_level = first + layers + 1
        place = 1 + ("CrossAttn" in kind)
        pairs += [
            (f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{next_level}.0.op."),
            (f"up_blocks.{i}.upsamplers.0.", f"output_blocks.{next_level - 1}.{place}."),
        ]
    return {
        "model.diffusion_model." + renamed(inner(name, "resnets", RESNET), pairs): tensor
        for name, tensor in unet.state_dict().items()
    }


def inner(name, part, pairs):
    """With the names inside a part replaced."""
    head, dot, tail = name.partition(f"{part}.")
    if not dot:
        return name
    number, _, rest = tail.partition(".")
    return f"{head}{dot}{number}.{renamed(rest, pairs)}"


def released_vae(vae):
    """Its tensors under the names of the first release."""
    made = {}
    levels = len(vae.config.block_out_channels)
    for name, tensor in vae.state_dict().items():
        side, _, rest = name.partition(".")
        is_attention = "attentions" in rest and "norm" not in rest and tensor.dim() == 2
        rest = inner(inner(rest, "resnets", VAE_RESNET), "attentions", VAE_ATTENTION)
        pairs = list(VAE)
        for i in range(levels):
            pairs += [
                (f"down_blocks.{i}.downsamplers.0.", f"down.{i}.downsample."),
                (f"up_blocks.{i}.upsamplers.0.", f"up.{levels - 1 - i}.upsample."),
                *(
                    (f"{way}_blocks.{i}.resnets.{j}.", f"{way}.{place}.block.{j}.")
                    for way, place in (("down", i), ("up", levels - 1 - i))
                    for j in range(3)
                ),
            ]
        value = tensor[:, :, None, None] if is_attention else tensor
        made[f"first_stage_model.{side}.{renamed(rest, pairs)}"] = value.contiguous()
    return made


@pytest.fixture
def released(tiny_sd, tmp_path, monkeypatch):
    """The file, and a cache of its own; the configurations lie in a folder and not on the hub."""
    unet = UNet2DConditionModel.from_pretrained(tiny_sd / "unet")
    vae = AutoencoderKL.from_pretrained(tiny_sd / "vae")
    text = load_file(tiny_sd / "text_encoder" / "model.safetensors")
    prefix = "cond_stage_model.transformer."
    names = {n if n.startswith("text_model.") else f"text_model.{n}": t for n, t in text.items()}
    tensors = released_unet(unet) | released_vae(vae) | {prefix + n: t for n, t in names.items()}
    path = tmp_path / "model.safetensors"
    save_file({n: t.contiguous() for n, t in tensors.items()}, path)
    configs = tmp_path / "configs"
    StableDiffusionPipeline.from_pretrained(
        whole_index(tiny_sd, tmp_path), safety_checker=None
    ).save_pretrained(configs)
    monkeypatch.setitem(
        single_file_utils.DIFFUSERS_DEFAULT_PIPELINE_PATHS,
        "v1", {"pretrained_model_name_or_path": str(configs)},
    )  # fmt: skip
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path / "cache"))
    return path


def whole_index(folder, tmp_path):
    """The pipeline with an index that names all parts, as diffusers writes it."""
    copy = tmp_path / "whole"
    shutil.copytree(folder, copy)
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    (copy / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return copy


def test_a_released_file_scores_as_its_folder(released, tiny_sd, items):
    options = {"samples": 2, "device": "cpu", "batch_size": 8}
    one = load_model(str(released), **options)
    folder = load_model(str(tiny_sd), **options)
    for a, b in zip(one.score_items(items), folder.score_items(items), strict=True):
        np.testing.assert_allclose(a.errors, b.errors, rtol=1e-5)
    assert one.card.name == "model"
    assert one.card.source == "model.safetensors"
    same = ("network", "vae", "text_encoder")
    assert one.content.of(*same) == folder.content.of(*same)
    # a second time nothing is converted
    again = load_model(str(released), **options)
    assert again.content == one.content


def test_what_its_makers_left_says_what_it_predicts(released, items):
    """The empty tensors `v_pred` and `ztsnr`; an option goes before them."""
    tensors = load_file(released)
    marked = released.with_name("marked.safetensors")
    save_file(tensors | {"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}, marked)
    options = {"samples": 2, "device": "cpu", "batch_size": 8}
    plain, marks = (load_model(str(path), **options) for path in (released, marked))
    asked = load_model(str(released), prediction="v_prediction", **options)
    assert [m.settings.prediction for m in (plain, marks, asked)] == [
        "epsilon", "v_prediction", "v_prediction"
    ]  # fmt: skip
    # nothing but noise is left at the last timestep
    assert float(marks.pipeline.noising.alphas_cumprod[-1]) < 1e-6
    assert float(asked.pipeline.noising.alphas_cumprod[-1]) > 1e-4
    (a,), (b,) = plain.score_items(items[:1]), asked.score_items(items[:1])
    assert not np.array_equal(a.errors, b.errors)
    assert load_model(str(marked), prediction="epsilon", **options).settings.prediction == "epsilon"


SECOND = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"


@pytest.mark.parametrize(
    ("metadata", "prediction"),
    [
        ({}, None),
        ({"modelspec.prediction_type": "v"}, "v_prediction"),
        ({"modelspec.prediction_type": "epsilon"}, "epsilon"),
        ({"ss_v_parameterization": "True"}, "v_prediction"),
        ({"ss_v_parameterization": "False"}, "epsilon"),
        ({"modelspec.prediction_type": "something"}, None),
    ],
)
def test_files_of_2_x_say_what_they_predict_or_have_to_be_told(tmp_path, metadata, prediction):
    path = tmp_path / "second.safetensors"
    save_file({SECOND: torch.zeros(2, 1024)}, path, metadata=metadata)
    header = read_header(path)
    assert (header.kind, header.prediction) == ("v2", prediction)
    if prediction is None:
        with pytest.raises(InputError, match=r"--prediction epsilon .* or --prediction v_predict"):
            load_model(str(path), device="cpu")


def test_a_pickle_is_refused_with_the_command_that_converts_it(tmp_path):
    path = tmp_path / "old.ckpt"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(InputError, match=r"is a pickle.*safetensors"):
        load_model(str(path))


def test_a_file_of_another_kind_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path))
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="this is none"):
        load_model(str(path))
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_model(str(path))
