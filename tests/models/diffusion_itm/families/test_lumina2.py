import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from gdbench.models.digests import digest_text
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture


def make(seed=0, **scheduler):
    torch.manual_seed(seed)
    tokenizer = parts.gemma_tokenizer()
    transformer = Lumina2Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        hidden_size=32,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=4,
        num_kv_heads=2,
        multiple_of=16,
        axes_dim_rope=(4, 2, 2),
        axes_lens=(300, 8, 8),
        cap_feat_dim=32,
    )
    return Lumina2Pipeline(
        tokenizer=tokenizer,
        text_encoder=parts.gemma_encoder(tokenizer),
        # the pipeline's own factor of 8
        vae=parts.vae(blocks=4, shift_factor=0.1),
        transformer=parts.shaken(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(**{"shift": 6.0} | scheduler),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lumina2")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x, sign=-1.0,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        guidance_scale=1.0, height=64, width=64,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved)
    assert model.settings.prediction == "flow"
    assert model.settings.resolution == 64
    assert model.settings.max_length == 256
    told = model.pipeline.instruction
    assert told.startswith("You are an assistant")
    assert model.settings.extra == {"instruction": digest_text(told)[:16]}


def test_batches_and_mask(saved):
    mine = checks.loaded(saved)
    checks.check_batches(mine)
    checks.check_mask(mine)
    room = 256 - len(mine.modules["tokenizer"](mine.instruction)["input_ids"])
    assert not mine.is_cut("a" * room)
    assert mine.is_cut("a" * (room + 1))


def test_the_null_is_the_pipelines(saved):
    """Without the system prompt, alone and among captions."""
    mine = checks.loaded(saved)
    _, _, negative, mask = make().encode_prompt(checks.TEXT, device=checks.CPU)
    for null in (mine.condition([""])[0], mine.condition([checks.TEXT, "", checks.SHORT])[1]):
        torch.testing.assert_close(null.tensors["embeddings"][None], negative)
        torch.testing.assert_close(null.tensors["mask"][None], mask)


def test_the_instruction_is_part_of_a_texts_identity(saved):
    mine = checks.loaded(saved)
    before = mine.texts_sha256
    mine.prompter.system_prompt = "Draw this."
    assert mine.texts_sha256 != before


def test_noising_and_latents_are_the_librarys(saved):
    mine, pipe = checks.loaded(saved), make()
    checks.check_levels(mine, pipe.scheduler)
    pixels = to_tensor(picture(3), 64)[None]
    with torch.no_grad():
        drawn = pipe.vae.encode(pixels).latent_dist.mode()
    # the inverse of what the pipeline does before it decodes
    torch.testing.assert_close(
        mine.latents(pixels) / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor, drawn
    )


def test_a_moving_shift_is_the_pipelines(tmp_path):
    pipe = make(use_dynamic_shifting=True)
    pipe.save_pretrained(tmp_path)
    mine = checks.loaded(tmp_path)
    pipe.set_progress_bar_config(disable=True)
    pipe(checks.TEXT, num_inference_steps=4, output_type="latent", height=64, width=64)
    levels = mine.noising.levels
    # of four steps from 1 to 1/4, those after the first lie on the grid of 1000
    torch.testing.assert_close(levels[[750, 500, 250]], pipe.scheduler.sigmas[1:4])


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
    with pytest.raises(InputError, match="no room for a caption"):
        checks.loaded(saved, max_length=32)
    with pytest.raises(InputError, match="positions for 299 tokens"):
        checks.loaded(saved, max_length=300)
    with pytest.raises(InputError, match="positions for 128 pixels"):
        checks.loaded(saved, resolution=256)
