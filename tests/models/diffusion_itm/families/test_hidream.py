import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    HiDreamImagePipeline,
    HiDreamImageTransformer2DModel,
)
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gdbench.errors import InputError
from tests.models.diffusion_itm.families import checks, parts, qwen_parts

SIZE = {"resolution": 32, "max_length": 16}


def make():
    torch.manual_seed(0)
    clip, third = parts.clip_tokenizer(), parts.t5_tokenizer(64)
    fourth = PreTrainedTokenizerFast(
        tokenizer_object=qwen_parts.tokenizer().backend_tokenizer,
        eos_token="<|endoftext|>",  # noqa: S106 # a token of text
        model_max_length=64,
    )
    transformer = HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_channels=[32, 16],
        text_emb_dim=24,
        num_routed_experts=2,
        num_activated_experts=1,
        axes_dims_rope=(4, 2, 2),
        max_resolution=(16, 16),
        llama_layers=[0, 1],
    )
    llama = LlamaForCausalLM(LlamaConfig(**qwen_parts.sizes(len(fourth), 16, 2)))
    llama.set_attn_implementation("eager")
    pipe = HiDreamImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=parts.vae(shift_factor=0.1),
        text_encoder=parts.clip_encoder(clip, 16, projection=12),
        tokenizer=clip,
        text_encoder_2=parts.clip_encoder(clip, 16, projection=12),
        tokenizer_2=parts.clip_tokenizer(),
        text_encoder_3=parts.t5_encoder(third),
        tokenizer_3=third,
        text_encoder_4=parts.shaken(llama, 0.3),
        tokenizer_4=fourth,
        transformer=parts.shaken(transformer),
    )
    # the pipeline scales any size to the area of this one
    pipe.default_sample_size = 8
    return pipe


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hidream")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", sign=-1.0, latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=16, guidance_scale=1.0, settings=SIZE,
    )  # fmt: skip


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.max_length == 16
    assert model.settings.latent_shape == (4, 8, 8)


def test_levels(saved):
    mine = checks.loaded(saved, **SIZE)
    checks.check_schedule(
        make(), mine, height=32, width=32, guidance_scale=1.0, max_sequence_length=16
    )


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "text_encoder_4", "the layout of HiDream-I1")
    message = checks.check_another_class(saved, tmp_path, "transformer", _class_name="Other")
    assert "names Other; expected HiDreamImageTransformer2DModel" in message
    with pytest.raises(InputError, match="--guidance: the family hidream-image does not use it"):
        checks.loaded(saved, guidance=3.0)
