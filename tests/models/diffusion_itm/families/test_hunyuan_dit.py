import pytest
import torch
from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline

from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture


def make(seed=0, **network):
    torch.manual_seed(seed)
    tokenizer, second = parts.bert_tokenizer(), parts.t5_tokenizer()
    transformer = HunyuanDiT2DModel(
        **{
            "sample_size": 8,
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "hidden_size": 32,
            "in_channels": 4,
            "patch_size": 2,
            "num_layers": 4,
            "cross_attention_dim": 32,
            "cross_attention_dim_t5": 32,
            "pooled_projection_dim": 16,
        }
        | network
    )
    return HunyuanDiTPipeline(
        # the pipeline's own factor of 8
        vae=parts.vae(blocks=4),
        text_encoder=parts.bert_encoder(tokenizer),
        tokenizer=tokenizer,
        text_encoder_2=parts.t5_encoder(second),
        tokenizer_2=second,
        transformer=parts.shaken(transformer),
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.03,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hunyuan")
    make().save_pretrained(folder)
    return folder


def parity(pipe, folder):
    checks.check_parity(
        pipe, folder, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None],
        guidance_scale=1.0, height=64, width=64, use_resolution_binning=False,
    )  # fmt: skip


def test_parity(saved):
    parity(make(), saved)


def test_parity_without_style_and_size(tmp_path):
    """As in version 1.2."""
    plain = {"use_style_cond_and_image_meta_size": False}
    make(**plain).save_pretrained(tmp_path)
    parity(make(**plain), tmp_path)


def test_scores(saved):
    model = checks.check_scores(saved)
    assert model.settings.prediction == "v_prediction"
    assert model.settings.resolution == 64
    assert model.settings.max_length is None


def test_batches_and_masks(saved):
    mine = checks.loaded(saved)
    checks.check_batches(mine)
    checks.check_mask(mine)
    # BERT's 77 tokens are full, mT5's 256 are not
    assert not mine.is_cut("dog " * 100)
    assert mine.is_cut("dog " * 256)


def test_noising_and_latents_are_the_librarys(saved):
    mine, pipe = checks.loaded(saved), make()
    checks.check_noising(mine, pipe.scheduler)
    pixels = to_tensor(picture(3), 64)[None]
    with torch.no_grad():
        # what the pipeline divides by before it decodes
        expected = pipe.vae.encode(pixels).latent_dist.mode() * pipe.vae.config.scaling_factor
    torch.testing.assert_close(mine.latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="flow_prediction")
