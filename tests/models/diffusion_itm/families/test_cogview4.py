import pytest
import torch
from diffusers import (
    CogView4Pipeline,
    CogView4Transformer2DModel,
    FlowMatchEulerDiscreteScheduler,
)

from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

SCHEDULERS = {
    # that of the published pipeline
    "linear": {
        "use_dynamic_shifting": True,
        "time_shift_type": "linear",
        "base_shift": 0.25,
        "max_shift": 0.75,
    },
    "exponential": {"use_dynamic_shifting": True},
    "fixed": {"shift": 3.0},
}


def make(kind="linear", seed=0):
    torch.manual_seed(seed)
    tokenizer = parts.gemma_tokenizer(256)
    transformer = CogView4Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        text_embed_dim=32,
        time_embed_dim=16,
        condition_dim=8,
        rope_axes_dim=(8, 8),
    )
    return CogView4Pipeline(
        tokenizer=tokenizer,
        text_encoder=parts.glm_encoder(tokenizer),
        vae=parts.vae(),
        transformer=parts.shaken(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULERS[kind]),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogview4")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_parity(tmp_path, kind):
    make(kind).save_pretrained(tmp_path)
    pipe = make(kind)
    mine = checks.check_parity(
        pipe, tmp_path, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        guidance_scale=1.0, height=32, width=32,
    )  # fmt: skip
    # the pipeline's own levels and times, where they lie on the grid of 1000
    pipe.set_progress_bar_config(disable=True)
    pipe(checks.TEXT, timesteps=[900, 500, 20], num_inference_steps=3, output_type="latent",
         height=32, width=32)  # fmt: skip
    levels = mine.noising.levels[[900, 500, 20]]
    torch.testing.assert_close(levels, pipe.scheduler.sigmas[:3])
    torch.testing.assert_close(mine.told(levels), pipe.scheduler.timesteps, rtol=1e-5, atol=1e-3)


def test_scores(saved):
    model = checks.check_scores(saved)
    assert model.settings.prediction == "flow"
    assert model.settings.resolution == 32
    assert model.settings.max_length == 1024


def test_batches_and_lengths(saved):
    mine = checks.loaded(saved)
    checks.check_batches(mine)
    short, other, long = mine.condition([checks.SHORT, "a blue dog", checks.LONG])
    # a token a letter and one before, in multiples of 16
    assert [len(p.tensors["embeddings"]) for p in (short, other, long)] == [16, 16, 160]
    x = torch.randn(1, *mine.latent_shape, generator=torch.Generator().manual_seed(1))
    w = torch.tensor([0.4])
    with torch.no_grad():
        alone = mine.predict(x, w, stacked([short]))
        both = mine.predict(x.repeat(2, 1, 1, 1), w.repeat(2), stacked([short, other]))
    torch.testing.assert_close(both[:1], alone, rtol=1e-5, atol=1e-5)
    assert float((both[1] - both[0]).abs().max()) > 1e-3


def test_the_null_is_the_pipelines(saved):
    mine = checks.loaded(saved)
    _, negative = make().encode_prompt(checks.TEXT, device=checks.CPU)
    torch.testing.assert_close(mine.condition([""])[0].tensors["embeddings"][None], negative)


def test_latents_are_the_pipelines(saved):
    mine, pipe = checks.loaded(saved), make()
    pixels = to_tensor(picture(3), 32)[None]
    with torch.no_grad():
        # what the pipeline divides by before it decodes
        expected = pipe.vae.encode(pixels).latent_dist.mode() * pipe.vae.config.scaling_factor
    torch.testing.assert_close(mine.latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
