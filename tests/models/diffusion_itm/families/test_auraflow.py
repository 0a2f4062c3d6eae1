import pytest
import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32, "max_length": 16}


def make(seed=0):
    torch.manual_seed(seed)
    tokenizer = parts.t5_tokenizer()
    transformer = AuraFlowTransformer2DModel(
        sample_size=4,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pos_embed_max_size=64,
    )
    return AuraFlowPipeline(
        tokenizer=tokenizer,
        text_encoder=parts.umt5_encoder(tokenizer),
        vae=parts.vae(),
        transformer=parts.shaken(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auraflow")
    make().save_pretrained(folder)
    return folder


def test_parity(saved):
    checks.check_parity(
        make(), saved, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        guidance_scale=1.0, height=32, width=32, max_sequence_length=16, settings=SIZE,
    )  # fmt: skip


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.prediction == "flow"
    assert model.settings.max_length == 16


def test_batches_and_padding(saved):
    mine = checks.loaded(saved, **SIZE)
    checks.check_batches(mine)
    prompt = mine.condition([checks.SHORT])[0]
    read = len(mine.modules["tokenizer"](checks.SHORT)["input_ids"])
    rows = prompt.tensors["embeddings"]
    assert rows[:read].abs().amax(-1).min() > 0
    assert not rows[read:].any()
    # the network has no mask: what lies behind the text counts
    filled = {"embeddings": torch.where(rows == 0, 0.5, rows)[None]}
    x, w = torch.zeros(1, *mine.latent_shape), torch.tensor([0.4])
    with torch.no_grad():
        predicted = mine.predict(x, w, {"embeddings": rows[None]})
        other = mine.predict(x, w, filled)
    assert float((other - predicted).norm() / predicted.norm()) > 1e-3


def test_noising_and_latents_are_the_librarys(saved):
    mine, pipe = checks.loaded(saved, **SIZE), make()
    checks.check_levels(mine, pipe.scheduler)
    pixels = to_tensor(picture(3), 32)[None]
    with torch.no_grad():
        # what the pipeline divides by before it decodes
        expected = pipe.vae.encode(pixels).latent_dist.mode() * pipe.vae.config.scaling_factor
    torch.testing.assert_close(mine.latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_the_side_is_not_the_configurations(saved):
    """The pipeline draws 1024 pixels whatever `sample_size`; here positions end before."""
    assert checks.loaded(saved).resolution == 64
    with pytest.raises(InputError, match="positions for 64 pixels at most"):
        checks.loaded(saved, resolution=128)


def test_refusals(saved, tmp_path):
    checks.check_refusals(saved, tmp_path, foreign="epsilon")
