import json
import shutil

import pytest
import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Krea2Pipeline,
    Krea2Transformer2DModel,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32, "max_length": 200}


def make(*, distilled=False):
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    transformer = Krea2Transformer2DModel(
        in_channels=16,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        timestep_embed_dim=16,
        text_hidden_dim=16,
        num_text_layers=2,
        text_num_attention_heads=2,
        text_num_key_value_heads=2,
        text_intermediate_size=32,
        num_layerwise_text_blocks=1,
        num_refiner_text_blocks=1,
        axes_dims_rope=(4, 6, 6),
    )
    return Krea2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True],
            latents_mean=[0.1, -0.2, 0.3, 0.0],
            latents_std=[1.5, 0.7, 1.0, 2.0],
        ).eval(),
        text_encoder=qwen_parts.qwen3_vl(tokenizer),
        tokenizer=tokenizer,
        transformer=parts.shaken(transformer, 0.2),
        text_encoder_select_layers=(1, 3),
        is_distilled=distilled,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("krea2")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("longest", [200, 30])
def test_parity(saved, longest):
    """Also where the text is cut."""
    pipe = make()
    mine = checks.check_parity(
        pipe, saved, network="transformer",
        latent_of=lambda x: pipe._unpack_latents(x, 32, 32)[:, :, 0],
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest, guidance_scale=0.0,
        settings=SIZE | {"max_length": longest},
    )  # fmt: skip
    assert mine.condition([checks.TEXT])[0].unread == (longest == 30)


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE | {"max_length": 300}))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE | {"max_length": 300})
    assert model.settings.latent_shape == (4, 8, 8)


@pytest.mark.parametrize("distilled", [False, True])
def test_levels(tmp_path, distilled):
    pipe = make(distilled=distilled)
    pipe.save_pretrained(tmp_path)
    mine = checks.loaded(tmp_path, **SIZE)
    checks.check_schedule(pipe, mine, height=32, width=32, guidance_scale=0.0)


def test_what_is_read_of_the_index_counts(saved, tmp_path):
    contents = {str(checks.loaded(saved, **SIZE).content)}
    for number, change in enumerate(
        ({"is_distilled": True}, {"text_encoder_select_layers": [1, 2]})
    ):
        copy = tmp_path / f"{number}"
        shutil.copytree(saved, copy)
        path = copy / "model_index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        contents.add(str(checks.loaded(copy, **SIZE).content))
    assert len(contents) == 3


def test_decoding_by_the_pipelines_numbers_gives_the_latents_back(saved):
    """Our normalisation is the inverse of what the pipeline does before its decoder."""
    mine, vae = checks.loaded(saved, **SIZE), make().vae
    pixels = to_tensor(picture(3), 32)[None]
    mean, std = (
        torch.tensor(numbers).view(1, -1, 1, 1)
        for numbers in (vae.config.latents_mean, vae.config.latents_std)
    )
    with torch.no_grad():
        raw = vae.encode(pixels[:, :, None]).latent_dist.mode()[:, :, 0]
    torch.testing.assert_close(mine.latents(pixels) * std + mean, raw)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "vae", "the layout of Krea 2")
    copy = tmp_path / "copy" / ".." / "patch"
    shutil.copytree(saved, copy)
    path = copy / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"patch_size": 4}))
    with pytest.raises(InputError, match="has patch_size 4; expected 2"):
        checks.loaded(copy)
