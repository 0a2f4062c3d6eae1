import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    LongCatImagePipeline,
    LongCatImageTransformer2DModel,
)

from gdbench.errors import InputError
from tests.models.diffusion_itm.families import checks, parts, qwen_parts

SIZE = {"resolution": 32}


def make():
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    transformer = LongCatImageTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        axes_dims_rope=[4, 4, 8],
    )
    return LongCatImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=parts.vae(16, shift_factor=0.1),
        text_encoder=qwen_parts.qwen2_5_vl(tokenizer),
        tokenizer=tokenizer,
        text_processor=None,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("longcat")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("text", [checks.TEXT, 'a sign that says "two dogs"'])
def test_parity(saved, monkeypatch, text):
    """Also of quoted words, which are read letter by letter."""
    monkeypatch.setattr(checks, "TEXT", text)
    checks.check_parity(
        make(), saved, network="transformer",
        latent_of=lambda x: LongCatImagePipeline._unpack_latents(x, 32, 32, 4),
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, guidance_scale=1.0, enable_prompt_rewrite=False, settings=SIZE,
    )  # fmt: skip


def test_cut(saved):
    mine = checks.loaded(saved, **SIZE)
    assert [mine.is_cut(text) for text in ("a" * 512, "a" * 513, '"' + "a" * 511 + '"')] == [
        False, True, True
    ]  # fmt: skip


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.max_length is None


def test_levels(saved):
    mine = checks.loaded(saved, **SIZE)
    checks.check_schedule(
        make(), mine, height=32, width=32, guidance_scale=1.0, enable_prompt_rewrite=False
    )


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "vae", "the layout of LongCat-Image")
    message = checks.check_another_class(saved, tmp_path, "transformer", _class_name="Other")
    assert "names Other; expected LongCatImageTransformer2DModel" in message
    with pytest.raises(InputError, match="--max-length: the family longcat-image does not use it"):
        checks.loaded(saved, max_length=300)
