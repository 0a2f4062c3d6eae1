import json

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    LatentConsistencyModelImg2ImgPipeline,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def make(kind=LatentConsistencyModelPipeline, **scheduler):
    torch.manual_seed(0)
    tokenizer = parts.clip_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=24,
        attention_head_dim=(2, 4),
        norm_num_groups=4,
        time_cond_proj_dim=12,
    )
    steps = LCMScheduler if kind is LatentConsistencyModelPipeline else DDIMScheduler
    return kind(
        vae=parts.vae(),
        text_encoder=parts.clip_encoder(tokenizer, 24),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=steps(**BETAS | scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lcm")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", [LatentConsistencyModelPipeline, StableDiffusionPipeline])
def test_parity(tmp_path, kind):
    """Also of a distilled U-Net in the folder of a plain Stable Diffusion."""
    make(kind).save_pretrained(tmp_path)
    mine = checks.check_parity(
        make(kind), tmp_path, network="unet", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        guidance_scale=3.0, height=32, width=32, settings={"guidance": 3.0},
    )  # fmt: skip
    assert mine.stem.shareable


def test_the_guidance_is_the_pipelines_and_matters(saved):
    model, scores = checks.scores_of(saved)
    assert model.settings.guidance == 8.5
    _, other = checks.scores_of(saved, guidance=2.0)
    gap = np.abs(scores[0].errors - other[0].errors) / scores[0].errors
    assert gap.max() > 1e-3


def test_scores(saved):
    model = checks.check_scores(saved)
    assert model.card.family == "diffusion-unet"
    assert model.settings.prediction == "epsilon"


def test_batches(saved):
    checks.check_batches(checks.loaded(saved))


def test_noising_is_the_schedulers(saved):
    mine, scheduler = checks.loaded(saved), make().scheduler
    latent, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    when = torch.tensor([20, 500, 900])
    torch.testing.assert_close(
        mine.denoiser.noised(latent, noise, when), scheduler.add_noise(latent, noise, when)
    )


def test_latents_are_those_of_the_img2img_pipeline(saved, monkeypatch):
    pixels = to_tensor(picture(3), 32)[None]
    # the mean instead of a sample, and no noise
    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )
    other = LatentConsistencyModelImg2ImgPipeline(
        **make().components | {"image_encoder": None}, requires_safety_checker=False
    )
    other.scheduler.add_noise = lambda latents, noise, timestep: latents
    expected = other.prepare_latents(pixels, torch.tensor([1]), 1, 1, torch.float32, checks.CPU)
    torch.testing.assert_close(checks.loaded(saved).latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch)


def test_what_does_not_fit_is_refused(tmp_path):
    make(prediction_type="sample").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="prediction_type 'sample'; the family"):
        checks.loaded(tmp_path)
    path = tmp_path / "unet" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"time_cond_proj_dim": None}))
    with pytest.raises(InputError, match="needs time_cond_proj_dim"):
        checks.loaded(tmp_path)
