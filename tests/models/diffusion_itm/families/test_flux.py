import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families.packing import pack, unpack
from tests.models.diffusion_itm.families import checks, parts


def make(seed=0, *, guided=True):
    torch.manual_seed(seed)
    tokenizer, second = parts.clip_tokenizer(), parts.t5_tokenizer()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=24,
        guidance_embeds=guided,
        axes_dims_rope=(4, 4, 8),
    )
    shifting = {"use_dynamic_shifting": True, "shift": 3.0} if guided else {"shift": 1.0}
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**shifting),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=parts.clip_encoder(tokenizer, 24),
        tokenizer=tokenizer,
        text_encoder_2=parts.t5_encoder(second),
        tokenizer_2=second,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module", params=[True, False], ids=["dev", "schnell"])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flux")
    make(guided=request.param).save_pretrained(folder)
    return make(guided=request.param), folder


SIZE = {"resolution": 32, "max_length": 16}


def test_parity(made):
    pipe, folder = made
    guidance = {"guidance": 2.5} if pipe.transformer.config.guidance_embeds else {}
    checks.check_parity(
        pipe, folder, network="transformer",
        latent_of=lambda x: FluxPipeline._unpack_latents(x, 32, 32, 4),
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=16, guidance_scale=2.5,
        settings=SIZE | guidance,
    )  # fmt: skip


def test_scores(made):
    pipe, folder = made
    model = checks.check_scores(folder, **SIZE)
    guided = pipe.transformer.config.guidance_embeds
    assert model.settings.guidance == (3.5 if guided else None)
    assert model.settings.latent_shape == (4, 8, 8)


def test_batches(made):
    checks.check_batches(checks.loaded(made[1], **SIZE))


def test_the_shift_follows_the_length_of_the_sequence(made):
    """The levels of the pipeline's own schedule, at the timesteps that lie on our grid."""
    pipe, folder = made
    mine = checks.loaded(folder, **SIZE)
    seen = {}
    pipe(
        checks.TEXT, num_inference_steps=10, output_type="latent", height=32, width=32,
        callback_on_step_end=lambda p, *_: seen.setdefault("sigmas", p.scheduler.sigmas) is None
        or {},
    )  # fmt: skip
    # ten steps from 1 to 1/10 lie on the grid of 1000
    for step, t in enumerate(np.linspace(1000, 100, 10).astype(int)):
        if t < 1000:
            torch.testing.assert_close(mine.noising.levels[t], seen["sigmas"][step])


def test_guidance_of_a_network_that_takes_none(made):
    pipe, folder = made
    if not pipe.transformer.config.guidance_embeds:
        with pytest.raises(InputError, match="not distilled with guidance"):
            checks.loaded(folder, **SIZE, guidance=2.0)


def test_packing_is_the_pipelines():
    x = torch.randn(2, 4, 6, 8)
    packed = FluxPipeline._pack_latents(x, 2, 4, 6, 8)
    torch.testing.assert_close(pack(x), packed)
    torch.testing.assert_close(unpack(packed, 6, 8), x)


def test_truth(made, monkeypatch):
    checks.check_true_prediction(made[1], monkeypatch, **SIZE)
