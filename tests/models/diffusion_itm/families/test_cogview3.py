import pytest
import torch
from diffusers import (
    CogVideoXDDIMScheduler,
    CogView3PlusPipeline,
    CogView3PlusTransformer2DModel,
)

from tests.models.diffusion_itm.families import checks, parts

SIZE = {"resolution": 32, "max_length": 16}


def make(**scheduler):
    torch.manual_seed(0)
    tokenizer = parts.t5_tokenizer()
    transformer = CogView3PlusTransformer2DModel(
        patch_size=2,
        in_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        out_channels=4,
        text_embed_dim=32,
        time_embed_dim=16,
        condition_dim=8,
        pos_embed_max_size=16,
        sample_size=8,
    )
    return CogView3PlusPipeline(
        tokenizer=tokenizer,
        text_encoder=parts.t5_encoder(tokenizer),
        vae=parts.vae(),
        transformer=parts.shaken(transformer),
        scheduler=CogVideoXDDIMScheduler(
            **{"prediction_type": "v_prediction", "snr_shift_scale": 4.0,
               "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} | scheduler
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogview3")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        height=32, width=32, max_sequence_length=16, guidance_scale=1.0, settings=SIZE,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.prediction == "v_prediction"
    assert model.settings.null_prompt == "zeros"


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_noising_is_the_schedulers(tmp_path, shift):
    """The scheduler moves the ratio of signal and noise."""
    pipe = make(snr_shift_scale=shift, rescale_betas_zero_snr=False)
    pipe.save_pretrained(tmp_path)
    checks.check_noising(checks.loaded(tmp_path, **SIZE), pipe.scheduler)


def test_the_null_is_the_pipelines(saved):
    mine = checks.loaded(saved, **SIZE)
    _, negative = make().encode_prompt(checks.TEXT, max_sequence_length=16)
    null = mine.null_of(mine.condition([""])[0])
    torch.testing.assert_close(null.tensors["embeddings"][None], negative)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="sample")
