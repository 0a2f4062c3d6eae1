import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PRXPipeline
from diffusers.models.transformers.transformer_prx import PRXTransformer2DModel
from transformers import T5GemmaConfig
from transformers.models.t5gemma.modeling_t5gemma import T5GemmaEncoder

from tests.models.diffusion_itm.families import checks, parts

SIZE = {"resolution": 32}
INNER = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "query_pre_attn_scalar": 8,
}


def config_of(tokenizer):
    inner = INNER | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    return T5GemmaConfig(encoder=inner, decoder=inner, architectures=["T5GemmaEncoder"])


def make():
    torch.manual_seed(0)
    tokenizer = parts.gemma_tokenizer(64)
    transformer = PRXTransformer2DModel(
        in_channels=4,
        patch_size=2,
        context_in_dim=32,
        hidden_size=32,
        mlp_ratio=2.0,
        num_heads=2,
        depth=2,
        axes_dim=[8, 8],
    )
    return PRXPipeline(
        transformer=parts.shaken(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=parts.shaken(T5GemmaEncoder(config_of(tokenizer).encoder), 0.3),
        tokenizer=tokenizer,
        vae=parts.vae(shift_factor=0.1),
        default_sample_size=512,
    )


def save(folder):
    """As published: the encoder's configuration stands inside that of the whole model."""
    pipe = make()
    pipe.save_pretrained(folder)
    config_of(pipe.tokenizer).save_pretrained(folder / "text_encoder")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prx")
    save(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, guidance_scale=1.0, use_resolution_binning=False, settings=SIZE,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.max_length == 64
    assert model.settings.prediction == "flow"
    assert checks.loaded(saved).resolution == 512


def test_batches_and_mask(saved):
    mine = checks.loaded(saved, **SIZE)
    checks.check_batches(mine)
    checks.check_mask(mine)
    assert mine.template("A Dog (red)!") == "a dog red !"
    assert not mine.is_cut("a" * 60)
    assert mine.is_cut("a" * 70)


def test_levels(saved):
    checks.check_levels(checks.loaded(saved, **SIZE), make().scheduler)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
