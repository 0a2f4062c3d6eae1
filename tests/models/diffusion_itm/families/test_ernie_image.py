import pytest
import torch
from diffusers import (
    ErnieImagePipeline,
    ErnieImageTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
)
from transformers import Mistral3Config, Mistral3Model, PreTrainedTokenizerFast

from gdbench.models.diffusion_itm.families import lengths
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.families.test_flux2 import make_vae
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 64}


def make():
    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=qwen_parts.tokenizer().backend_tokenizer,
        eos_token="<|endoftext|>",  # noqa: S106 # a token of text
        model_max_length=128,
    )
    encoder = Mistral3Model(
        Mistral3Config(
            text_config=qwen_parts.sizes(len(tokenizer), 16, 3)
            | {"model_type": "mistral", "head_dim": 8},
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 32,
                "patch_size": 16,
            },
        )
    )
    transformer = ErnieImageTransformer2DModel(
        hidden_size=32,
        num_attention_heads=2,
        num_layers=2,
        ffn_hidden_size=48,
        in_channels=16,
        out_channels=16,
        patch_size=1,
        text_in_dim=16,
        rope_axes_dim=(4, 6, 6),
    )
    return ErnieImagePipeline(
        transformer=parts.shaken(transformer),
        vae=make_vae(),
        text_encoder=parts.shaken(encoder, 0.3),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=4.0),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ernie-image")
    make().save_pretrained(folder)
    return folder


def test_parity(saved, monkeypatch):
    monkeypatch.setattr(lengths, "STEP", 1)
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=64, width=64, guidance_scale=1.0, settings=SIZE,
    )  # fmt: skip


def test_lengths(saved, monkeypatch):
    checks.check_lengths(saved, monkeypatch, **SIZE)


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.latent_shape == (16, 8, 8)
    assert checks.loaded(saved).resolution == 1024


def test_an_empty_caption_and_a_long_one(saved):
    mine = checks.loaded(saved, **SIZE)
    assert len(mine.condition([""])[0].tensors["embeddings"]) == lengths.STEP
    assert not mine.is_cut("a" * 128)
    assert mine.is_cut("a" * 129)


def test_latents_are_those_that_the_pipeline_decodes(saved):
    mine, pipe = checks.loaded(saved, **SIZE), make()
    pixels = to_tensor(picture(3), 64)[None]
    with torch.no_grad():
        drawn = pipe.vae.encode(pixels).latent_dist.mode()
    latents = mine.latents(pixels)
    # as before the pipeline decodes
    norm = mine.vae.bn
    spread = torch.sqrt(norm.running_var.view(1, -1, 1, 1) + 1e-5)
    back = pipe._unpatchify_latents(latents * spread + norm.running_mean.view(1, -1, 1, 1))
    torch.testing.assert_close(back, mine.vae.encode(pixels).latent_dist.mode())
    assert back.shape == drawn.shape


def test_levels(saved):
    checks.check_levels(checks.loaded(saved, **SIZE), make().scheduler)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
