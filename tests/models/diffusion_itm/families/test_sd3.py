import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)

from tests.models.diffusion_itm.families import checks, parts


def make(seed=0, *, t5=True, **scheduler):
    torch.manual_seed(seed)
    tokenizer, third = parts.clip_tokenizer(), parts.t5_tokenizer() if t5 else None
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=24,
        pos_embed_max_size=16,
    )
    return StableDiffusion3Pipeline(
        transformer=parts.shaken(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(**{"shift": 3.0} | scheduler),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=parts.clip_encoder(tokenizer, 16, projection=12),
        tokenizer=tokenizer,
        text_encoder_2=parts.clip_encoder(tokenizer, 16, projection=12),
        tokenizer_2=parts.clip_tokenizer(),
        text_encoder_3=parts.t5_encoder(third) if t5 else None,
        tokenizer_3=third,
    )


@pytest.fixture(scope="module", params=[True, False], ids=["t5", "without t5"])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sd3")
    make(t5=request.param).save_pretrained(folder)
    return make(t5=request.param), folder


def test_parity(made):
    pipe, folder = made
    checks.check_parity(
        pipe, folder, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        guidance_scale=1.0, height=32, width=32, max_sequence_length=16,
        settings={"max_length": 16},
    )  # fmt: skip


def test_scores(made):
    pipe, folder = made
    model = checks.check_scores(folder)
    assert model.settings.prediction == "flow"
    assert model.settings.t5 == (pipe.text_encoder_3 is not None)
    assert model.settings.max_length == (256 if model.settings.t5 else 16)
    assert model.card.family == "diffusion-transformer"


def test_batches(made):
    checks.check_batches(checks.loaded(made[1]))


def test_without_t5_as_if_it_were_not_there(tmp_path):
    make().save_pretrained(tmp_path / "with")
    make(t5=False).save_pretrained(tmp_path / "without")
    left_out = checks.loaded(tmp_path / "with", t5=False)
    absent = checks.loaded(tmp_path / "without")
    assert left_out.chosen["t5"] is absent.chosen["t5"] is False
    a, b = left_out.condition([checks.TEXT])[0], absent.condition([checks.TEXT])[0]
    torch.testing.assert_close(a.tensors, b.tensors)


def test_noising_is_the_schedulers(made):
    """`scale_noise` of the scheduler at its own steps, which lie on the grid of 1000."""
    pipe, folder = made
    mine = checks.loaded(folder)
    scheduler = pipe.scheduler
    scheduler.set_timesteps(sigmas=[t / 1000 for t in (900, 500, 20)])
    latent, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for step, t in enumerate((900, 500, 20)):
        when = scheduler.timesteps[step][None]
        expected = scheduler.scale_noise(latent, when, noise)
        found = mine.denoiser.noised(latent, noise, torch.tensor([t]))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_truth(made, monkeypatch):
    checks.check_true_prediction(made[1], monkeypatch)
