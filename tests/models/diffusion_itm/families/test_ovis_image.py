import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    OvisImagePipeline,
    OvisImageTransformer2DModel,
)

from gdbench.errors import InputError
from tests.models.diffusion_itm.families import checks, parts, qwen_parts

SIZE = {"resolution": 32}


def make():
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    transformer = OvisImageTransformer2DModel(
        in_channels=16,
        out_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(4, 4, 8),
    )
    return OvisImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=qwen_parts.qwen3_without_head(tokenizer),
        tokenizer=tokenizer,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ovis")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("longest", [256, 150])
def test_parity(saved, longest):
    """Also where the text is cut."""
    mine = checks.check_parity(
        make(), saved, network="transformer",
        latent_of=lambda x: OvisImagePipeline._unpack_latents(x, 32, 32, 4),
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest, guidance_scale=1.0,
        settings=SIZE | {"max_length": longest},
    )  # fmt: skip
    assert mine.condition([checks.TEXT])[0].unread == (longest == 150)


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.max_length == 256


def test_levels(saved):
    mine = checks.loaded(saved, **SIZE)
    checks.check_schedule(make(), mine, height=32, width=32, guidance_scale=1.0)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "vae", "the layout of Ovis-Image")
    message = checks.check_another_class(saved, tmp_path, "transformer", _class_name="Other")
    assert "names Other; expected OvisImageTransformer2DModel" in message
    with pytest.raises(InputError, match="at most 256 for the family ovis-image"):
        checks.loaded(saved, max_length=300)
