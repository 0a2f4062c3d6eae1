import pytest
import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImageImg2ImgPipeline,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families import lengths
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32}
SHIFTING = {
    "use_dynamic_shifting": True,
    "shift_terminal": 0.02,
    "base_shift": 0.5,
    "max_shift": 0.9,
    "base_image_seq_len": 256,
    "max_image_seq_len": 8192,
}


def qwen_vae():
    torch.manual_seed(3)
    return AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.5, 0.7, 1.0, 2.0],
    ).eval()


def make():
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    transformer = QwenImageTransformer2DModel(
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(4, 6, 6),
    )
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**SHIFTING),
        vae=qwen_vae(),
        text_encoder=qwen_parts.qwen2_5_vl(tokenizer),
        tokenizer=tokenizer,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qwen-image")
    make().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("longest", [512, 150])
def test_parity(saved, monkeypatch, longest):
    """Also where the text is cut."""
    monkeypatch.setattr(lengths, "STEP", 1)
    mine = checks.check_parity(
        make(), saved, network="transformer",
        latent_of=lambda x: QwenImagePipeline._unpack_latents(x, 32, 32, 4)[:, :, 0],
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest,
        settings=SIZE | {"max_length": longest},
    )  # fmt: skip
    assert mine.condition([checks.TEXT])[0].unread == (longest == 150)
    assert len(mine.condition([checks.TEXT])[0].tensors["embeddings"]) <= longest


def test_lengths(saved, monkeypatch):
    checks.check_lengths(saved, monkeypatch, **SIZE)


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.latent_shape == (4, 8, 8)
    assert model.settings.max_length == 512
    assert model.settings.prediction == "flow"


def test_levels(saved):
    checks.check_schedule(make(), checks.loaded(saved, **SIZE), height=32, width=32)


def test_latents_are_those_of_the_img2img_pipeline(saved, monkeypatch):
    pixels = to_tensor(picture(3), 32)[None]
    # the mean instead of a sample
    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode()
    )
    other = QwenImageImg2ImgPipeline(**make().components)
    expected = other._encode_vae_image(pixels[:, :, None], None)
    torch.testing.assert_close(checks.loaded(saved, **SIZE).latents(pixels), expected[:, :, 0])


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "vae", "the layout of Qwen-Image")
    with pytest.raises(InputError, match="at most 1024 for the family qwen-image"):
        checks.loaded(saved, max_length=2000)
    with pytest.raises(InputError, match="multiples of 8"):
        checks.loaded(saved, resolution=36)
    with pytest.raises(InputError, match="--guidance: the family qwen-image does not use it"):
        checks.loaded(saved, guidance=2.0)


@pytest.mark.parametrize(
    ("part", "config", "message"),
    [
        ("transformer", {"guidance_embeds": True}, "sets guidance_embeds"),
        ("transformer", {"_class_name": "FluxTransformer2DModel"}, "names FluxTransformer2DModel"),
        ("text_encoder", {"architectures": ["Qwen3Model"]}, "names Qwen3Model"),
        ("scheduler", {"_class_name": "DDIMScheduler"}, "the family qwen-image has flow"),
    ],
)
def test_another_part_is_refused(saved, tmp_path, part, config, message):
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    assert message in checks.check_another_class(saved, tmp_path, part, name, **config)
