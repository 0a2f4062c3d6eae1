import pytest
import torch
from diffusers import (
    AutoencoderKLQwenImage21,
    FlowMatchEulerDiscreteScheduler,
    QwenImage21Pipeline,
    QwenImage21Transformer2DModel,
)
from transformers import (
    Qwen2VLImageProcessor,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 64}
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}{{ part.text }}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
)


def processor():
    tokenizer = qwen_parts.tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [
            *qwen_parts.SPECIAL[1:], "<|image_pad|>", "<|video_pad|>", "<|vision_start|>",
            "<|vision_end|>",
        ]}
    )  # fmt: skip
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=CHAT,
    )


def make():
    torch.manual_seed(0)
    made = processor()
    inner = qwen_parts.qwen3_vl(made.tokenizer).config
    encoder = Qwen3VLForConditionalGeneration(inner)
    transformer = QwenImage21Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        context_in_dim=16,
        mlp_ratio=2,
        axes_dims_rope=(4, 6, 6),
    )
    vae = AutoencoderKLQwenImage21(
        base_dim=8,
        decoder_base_dim=8,
        z_dim=4,
        dim_mult=[1, 1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.5, 0.7, 1.0, 2.0],
    )
    return QwenImage21Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae.eval(),
        text_encoder=parts.shaken(encoder, 0.3),
        processor=made,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qwen-image-21")
    make().save_pretrained(folder)
    return folder


def latent_of(x):
    """The picture's places are the last ones of the sequence."""
    return x[:, -16:].transpose(1, 2).reshape(len(x), -1, 4, 4)


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=latent_of,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=64, width=64, use_kv_cache=False, settings=SIZE,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.latent_shape == (4, 4, 4)
    assert checks.loaded(saved).resolution == 1024


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_latents_are_those_of_the_pipeline(saved):
    pixels = to_tensor(picture(3), 64)[None]
    opaque = torch.cat([pixels, torch.ones(1, 1, 64, 64)], dim=1)[:, :, None]
    with torch.no_grad():
        expected = make()._encode_vae_image(opaque, None)
    torch.testing.assert_close(checks.loaded(saved, **SIZE).latents(pixels), expected[:, :, 0])


def test_levels(saved):
    checks.check_schedule(make(), checks.loaded(saved, **SIZE), height=64, width=64)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
