import pytest
import torch
from diffusers import (
    ChromaImg2ImgPipeline,
    ChromaPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32, "max_length": 24}


def make():
    torch.manual_seed(0)
    tokenizer = parts.t5_tokenizer()
    transformer = ChromaTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=8,
        approximator_hidden_dim=16,
        approximator_layers=1,
    )
    return ChromaPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=parts.t5_encoder(tokenizer),
        tokenizer=tokenizer,
        transformer=parts.shaken(transformer, 0.2),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chroma")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer",
        latent_of=lambda x: ChromaPipeline._unpack_latents(x, 32, 32, 4),
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=24, guidance_scale=1.0, settings=SIZE,
    )  # fmt: skip


def test_the_mask_reaches_the_network(saved):
    mine = checks.loaded(saved, **SIZE)
    (row,) = mine.condition([checks.SHORT])
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    given = {name: tensor[None] for name, tensor in row.tensors.items()}
    assert not given["mask"].all()
    with torch.no_grad():
        masked = mine.predict(x, torch.tensor([0.5]), given)
        other = given | {"mask": torch.ones_like(given["mask"])}
        unmasked = mine.predict(x, torch.tensor([0.5]), other)
    assert float((masked - unmasked).norm() / masked.norm()) > 1e-3


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.max_length == 24
    assert model.settings.prediction == "flow"


def test_levels(saved):
    checks.check_schedule(
        make(), checks.loaded(saved, **SIZE), height=32, width=32, guidance_scale=1.0
    )


def test_latents_are_those_of_the_img2img_pipeline(saved, monkeypatch):
    pixels = to_tensor(picture(3), 32)[None]
    # the mean instead of a sample
    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )
    other = ChromaImg2ImgPipeline(**make().components)
    expected = other._encode_vae_image(pixels, None)
    torch.testing.assert_close(checks.loaded(saved, **SIZE).latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "tokenizer", "the layout of Chroma")
    message = checks.check_another_class(
        saved, tmp_path, "transformer", _class_name="FluxTransformer2DModel"
    )
    assert "expected ChromaTransformer2DModel" in message
    with pytest.raises(InputError, match="at most 512 for the family chroma"):
        checks.loaded(saved, max_length=600)
