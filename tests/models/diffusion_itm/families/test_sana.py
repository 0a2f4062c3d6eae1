import pytest
import torch
from diffusers import (
    AutoencoderDC,
    DPMSolverMultistepScheduler,
    SanaPipeline,
    SanaTransformer2DModel,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from gdbench.models.digests import digest_text
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

LENGTH = {"max_length": 48}


def deep_vae():
    """A VAE of Sana's class with a factor of 4."""
    return AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        encoder_qkv_multiscales=((), (), (5,)),
        decoder_qkv_multiscales=((), (), (5,)),
        encoder_layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        scaling_factor=0.4,
    ).eval()


def make(seed=0):
    torch.manual_seed(seed)
    tokenizer = parts.gemma_tokenizer()
    transformer = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=2,
        num_attention_heads=2,
        attention_head_dim=8,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=32,
        sample_size=8,
        timestep_scale=0.5,
    )
    return SanaPipeline(
        tokenizer=tokenizer,
        text_encoder=parts.gemma_encoder(tokenizer),
        vae=deep_vae(),
        transformer=parts.shaken(transformer),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sana")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.timesteps[step][None] / 1000,
        guidance_scale=1.0, height=32, width=32, max_sequence_length=48,
        use_resolution_binning=False, settings=LENGTH,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved, **LENGTH)
    assert model.settings.prediction == "flow"
    assert model.settings.resolution == 32
    assert model.settings.max_length == 48
    told = "\n".join(model.pipeline.lines)
    assert told.endswith("User Prompt: ")
    assert model.settings.extra == {"instruction": digest_text(told)[:16]}


def test_batches_and_mask(saved):
    mine = checks.loaded(saved, **LENGTH)
    checks.check_batches(mine)
    checks.check_mask(mine)
    # one token a letter, and one for the first
    assert not mine.is_cut("a" * 46)
    assert mine.is_cut("a" * 47)


def test_the_null_is_the_pipelines(saved):
    """Without the instruction, alone and among captions."""
    mine = checks.loaded(saved, **LENGTH)
    _, _, negative, mask = make().encode_prompt(
        checks.TEXT, device=checks.CPU, max_sequence_length=48
    )
    for null in (mine.condition([""])[0], mine.condition([checks.TEXT, "", checks.SHORT])[1]):
        torch.testing.assert_close(null.tensors["embeddings"][None], negative)
        torch.testing.assert_close(null.tensors["mask"][None], mask)


def test_the_instruction_is_part_of_a_texts_identity(saved):
    mine = checks.loaded(saved, **LENGTH)
    before = mine.texts_sha256
    mine.lines = ["Describe: "]
    assert mine.texts_sha256 != before


def test_levels_and_latents_are_the_librarys(saved):
    mine, pipe = checks.loaded(saved, **LENGTH), make()
    # with so many steps the solver's own levels are those of every timestep from 999 to 1
    pipe.scheduler.set_timesteps(999)
    torch.testing.assert_close(
        mine.noising.levels[1:], pipe.scheduler.sigmas[:999].flip(0), rtol=1e-5, atol=1e-6
    )
    pixels = to_tensor(picture(3), 32)[None]
    with torch.no_grad():
        # what the pipeline divides by before it decodes
        expected = pipe.vae.encode(pixels).latent * pipe.vae.config.scaling_factor
    torch.testing.assert_close(mine.latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **LENGTH)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
    with pytest.raises(InputError, match="no room for a caption"):
        checks.loaded(saved, max_length=2)
    with pytest.raises(InputError, match="--guidance: the family sana"):
        checks.loaded(saved, guidance=2.0)
