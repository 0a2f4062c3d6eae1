import json
import shutil

import pytest
import torch
from diffusers import (
    EulerDiscreteScheduler,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture


def make(seed=0, *, time_cond_proj_dim=None, **vae):
    torch.manual_seed(seed)
    tokenizer = parts.clip_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=56,
        attention_head_dim=(2, 4),
        norm_num_groups=4,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        use_linear_projection=True,
        transformer_layers_per_block=1,
        time_cond_proj_dim=time_cond_proj_dim,
    )
    return StableDiffusionXLPipeline(
        vae=parts.vae(**vae),
        text_encoder=parts.clip_encoder(tokenizer, 24),
        text_encoder_2=parts.clip_encoder(tokenizer, 32, projection=16),
        tokenizer=tokenizer,
        tokenizer_2=parts.clip_tokenizer(),
        unet=unet.eval(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdxl")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="unet", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        guidance_scale=1.0, height=32, width=32,
    )  # fmt: skip


def test_a_network_distilled_with_guidance_is_told_its_value(tmp_path):
    make(time_cond_proj_dim=12).save_pretrained(tmp_path)
    mine = checks.check_parity(
        make(time_cond_proj_dim=12), tmp_path, network="unet", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        guidance_scale=3.0, height=32, width=32, settings={"guidance": 3.0},
    )  # fmt: skip
    assert mine.chosen["guidance"] == 3.0
    assert checks.loaded(tmp_path).chosen["guidance"] == 5.0


def test_scores(saved):
    model = checks.check_scores(saved)
    assert model.settings.null_prompt == "zeros"
    assert model.settings.resolution == 32
    assert model.card.family == "diffusion-unet"


def test_batches(saved):
    checks.check_batches(checks.loaded(saved))


def test_the_null_is_the_pipelines(saved):
    """Zeros as the pipeline makes them for an absent negative prompt."""
    mine = checks.loaded(saved)
    _, negative, _, pooled = make().encode_prompt(checks.TEXT, device=checks.CPU)
    null = mine.null_of(mine.condition([""])[0])
    torch.testing.assert_close(null.tensors["embeddings"][None], negative)
    torch.testing.assert_close(null.tensors["pooled"][None], pooled)
    other = checks.loaded(saved, null_prompt="empty")
    assert other.null_of(other.condition([""])[0]).tensors["embeddings"].abs().max() > 0
    assert other.chosen["null_prompt"] == "empty"


@pytest.mark.parametrize(
    "numbers", [{}, {"latents_mean": [0.1, -0.2, 0.3, 0.0], "latents_std": [1.5, 0.7, 1.0, 2.0]}]
)
def test_latents_are_those_of_the_img2img_pipeline(tmp_path, monkeypatch, numbers):
    pipe = make(**numbers)
    pipe.save_pretrained(tmp_path)
    pixels = to_tensor(picture(3), 32)[None]
    other = StableDiffusionXLImg2ImgPipeline(
        **pipe.components | {"image_encoder": None, "feature_extractor": None}
    )
    # the mean instead of a sample
    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )
    expected = other.prepare_latents(pixels, None, 1, 1, torch.float32, checks.CPU, add_noise=False)
    torch.testing.assert_close(checks.loaded(tmp_path).latents(pixels), expected)


def test_resolution(saved):
    assert checks.loaded(saved, resolution=64).latent_shape == (4, 16, 16)
    with pytest.raises(InputError, match="multiples of 4"):
        checks.loaded(saved, resolution=30)
    with pytest.raises(InputError, match="--guidance: this network was not distilled"):
        checks.loaded(saved, guidance=2.0)


def test_a_turned_setting_of_the_index_counts(saved, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(saved, folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["force_zeros_for_empty_prompt"] = False
    (folder / "model_index.json").write_text(json.dumps(index))
    assert checks.loaded(folder).trained_null == "empty"


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch)
