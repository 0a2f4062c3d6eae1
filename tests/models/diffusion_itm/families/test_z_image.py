import json

import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    ZImageImg2ImgPipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.families import lengths
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32}


def make(*, headless=True, **scheduler):
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    encoder = qwen_parts.qwen3_without_head if headless else qwen_parts.qwen3
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[4, 6, 6],
        axes_lens=[514, 16, 16],
    )
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**{"shift": 3.0} | scheduler),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=encoder(tokenizer),
        tokenizer=tokenizer,
        transformer=parts.shaken(transformer, 0.2),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("z-image")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("longest", [512, 40])
def test_parity(saved, longest):
    """Also where the text is cut; padding is left to the network."""
    mine = checks.check_parity(
        make(), saved, network="transformer", sign=-1.0,
        latent_of=lambda x: x[None, :, 0],
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest, guidance_scale=0.0,
        settings=SIZE | {"max_length": longest},
    )  # fmt: skip
    assert mine.condition([checks.TEXT])[0].unread == (longest == 40)


def test_an_encoder_with_a_head_gives_the_same(saved, tmp_path):
    pipe = make(headless=False)
    pipe.text_encoder.model.load_state_dict(make().text_encoder.state_dict())
    pipe.save_pretrained(tmp_path)
    # as it is shared: without a head by the pipeline's index, with one by the encoder's own file
    path = tmp_path / "model_index.json"
    index = json.loads(path.read_text()) | {"text_encoder": ["transformers", "Qwen3Model"]}
    path.write_text(json.dumps(index))
    assert type(checks.loaded(tmp_path).modules["text_encoder"]).__name__ == "Qwen3Model"
    a, b = (checks.loaded(f, **SIZE).condition([checks.TEXT])[0] for f in (saved, tmp_path))
    torch.testing.assert_close(a.tensors, b.tensors)


def test_lengths(saved, monkeypatch):
    checks.check_lengths(saved, monkeypatch, **SIZE)


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.latent_shape == (4, 8, 8)
    assert model.settings.max_length == 512


@pytest.mark.parametrize("scheduler", [{}, {"use_dynamic_shifting": True}])
def test_levels(tmp_path, scheduler):
    pipe = make(**scheduler)
    pipe.save_pretrained(tmp_path)
    mine = checks.loaded(tmp_path, **SIZE)
    checks.check_schedule(pipe, mine, height=32, width=32, guidance_scale=0.0)


def test_latents_are_those_of_the_img2img_pipeline(saved, monkeypatch):
    pixels = to_tensor(picture(3), 32)[None]
    # the mean instead of a sample, and no noise
    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )
    other = ZImageImg2ImgPipeline(**make().components)
    other.scheduler.scale_noise = lambda latents, timestep, noise: latents
    expected = other.prepare_latents(
        pixels, None, 1, 4, 32, 32, torch.float32, checks.CPU, torch.Generator()
    )
    torch.testing.assert_close(checks.loaded(saved, **SIZE).latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "text_encoder", "the layout of Z-Image")
    message = checks.check_another_class(
        saved, tmp_path, "scheduler", "scheduler_config.json", _class_name="DDIMScheduler"
    )
    assert "the family z-image has flow" in message
    with pytest.raises(InputError, match="--guidance: the family z-image does not use it"):
        checks.loaded(saved, guidance=2.0)


def test_step_of_the_padding_is_the_networks():
    """Rows of one bucket are padded by the network to one length: it needs no mask of its own."""
    from diffusers.models.transformers.transformer_z_image import SEQ_MULTI_OF

    assert lengths.STEP % SEQ_MULTI_OF == 0


def test_positions_are_counted_before_the_longest_caption(saved):
    """The longest caption and the largest side have the last positions that there are."""
    mine = checks.loaded(saved, resolution=128)
    prompt = stacked(mine.condition(["a dog " * 600]))
    with torch.no_grad():
        out = mine.predict(torch.randn(1, *mine.latent_shape), torch.tensor([0.4]), prompt)
    assert torch.isfinite(out).all()
    with pytest.raises(InputError, match="positions for 512 tokens"):
        checks.loaded(saved, resolution=32, max_length=513)
    with pytest.raises(InputError, match="positions for 128 pixels"):
        checks.loaded(saved, resolution=256)
