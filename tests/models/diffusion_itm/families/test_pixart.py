import json

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    PixArtAlphaPipeline,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

KINDS = {
    # a network of this size is told the sides
    "alpha": (PixArtAlphaPipeline, {"sample_size": 128}),
    "sigma": (PixArtSigmaPipeline, {"sample_size": 128, "use_additional_conditions": False}),
}
SIZE = {"resolution": 32, "max_length": 16}


def make(kind, seed=0):
    torch.manual_seed(seed)
    pipeline, options = KINDS[kind]
    tokenizer = parts.t5_tokenizer()
    transformer = PixArtTransformer2DModel(
        num_attention_heads=3,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=2,
        cross_attention_dim=24,
        caption_channels=32,
        **options,
    )
    return pipeline(
        tokenizer=tokenizer,
        text_encoder=parts.t5_encoder(tokenizer),
        vae=parts.vae(),
        transformer=parts.shaken(transformer),
        scheduler=DPMSolverMultistepScheduler(),
    )


@pytest.fixture(scope="module", params=KINDS)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pixart")
    make(request.param).save_pretrained(folder)
    return make(request.param), folder


def test_parity(made):
    pipe, folder = made
    checks.check_parity(
        pipe, folder, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        guidance_scale=1.0, height=32, width=32, max_sequence_length=16,
        use_resolution_binning=False, clean_caption=False, settings=SIZE,
    )  # fmt: skip


def test_scores(made):
    model = checks.check_scores(made[1], **SIZE)
    assert model.settings.prediction == "epsilon"
    assert model.settings.max_length == 16
    assert model.card.family == "diffusion-transformer"


def test_batches_and_mask(made):
    mine = checks.loaded(made[1], **SIZE)
    checks.check_batches(mine)
    checks.check_mask(mine)
    assert mine.is_cut(checks.LONG)
    assert not mine.is_cut("  A DOG ")
    # the null keeps its mask
    null = mine.condition([""])[0]
    torch.testing.assert_close(null.zeros().tensors["mask"], null.tensors["mask"])


def test_the_sides_are_told(made):
    pipe, folder = made
    mine = checks.loaded(folder, **SIZE)
    x = torch.zeros(1, *mine.latent_shape)
    prompt = {n: t[None] for n, t in mine.condition([checks.TEXT])[0].tensors.items()}
    with torch.no_grad():
        small = mine.predict(x, torch.tensor([400]), prompt)
        mine.resolution = 64
        large = mine.predict(x, torch.tensor([400]), prompt)
    assert torch.equal(small, large) == (not pipe.transformer.use_additional_conditions)


def test_noising_and_latents_are_the_librarys(made):
    pipe, folder = made
    mine = checks.loaded(folder, **SIZE)
    checks.check_noising(mine, pipe.scheduler)
    pixels = to_tensor(picture(3), 32)[None]
    with torch.no_grad():
        # what the pipeline divides by before it decodes
        expected = pipe.vae.encode(pixels).latent_dist.mode() * pipe.vae.config.scaling_factor
    torch.testing.assert_close(mine.latents(pixels), expected)


def test_truth(made, monkeypatch):
    checks.check_true_prediction(made[1], monkeypatch, **SIZE)


def test_lengths_are_the_pipelines(made):
    pipe, folder = made
    mine = checks.loaded(folder, resolution=32)
    assert mine.max_length == (120 if isinstance(pipe, PixArtAlphaPipeline) else 300)


def test_the_networks_first_name(made, tmp_path):
    folder = checks.changed(
        made[1], tmp_path / "old", "transformer", "config.json",
        _class_name="Transformer2DModel", norm_type="ada_norm_single",
    )  # fmt: skip
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "Transformer2DModel"]
    (folder / "model_index.json").write_text(json.dumps(index))
    old, new = checks.loaded(folder, **SIZE), checks.loaded(made[1], **SIZE)
    assert type(old.network) is type(new.network)
    other = checks.changed(
        folder, tmp_path / "dit", "transformer", "config.json", norm_type="ada_norm_zero"
    )
    with pytest.raises(InputError, match="norm_type 'ada_norm_zero'"):
        checks.loaded(other)


def test_refusals(made, tmp_path):
    checks.check_refusals(made[1], tmp_path, foreign="flow_prediction")
