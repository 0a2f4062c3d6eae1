import pytest
import torch
from diffusers import (
    AutoencoderKLHunyuanImage,
    FlowMatchEulerDiscreteScheduler,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
)
from transformers import ByT5Tokenizer

from gdbench.models.diffusion_itm.conditioning import stacked
from tests.models.diffusion_itm.families import checks, parts, qwen_parts

SIZE = {"resolution": 32}
QUOTED = 'a red sign that says "dog"'


def make(*, guided=False, **network):
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    transformer = HunyuanImageTransformer2DModel(
        **{
            "in_channels": 4,
            "out_channels": 4,
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "num_layers": 1,
            "num_single_layers": 1,
            "num_refiner_layers": 1,
            "patch_size": (1, 1),
            "guidance_embeds": guided,
            "text_embed_dim": 16,
            "text_embed_2_dim": 32,
            "rope_axes_dim": (8, 8),
        }
        | network
    )
    second = ByT5Tokenizer()
    vae = AutoencoderKLHunyuanImage(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(32, 32, 32),
        layers_per_block=1,
        spatial_compression_ratio=4,
        sample_size=32,
        scaling_factor=0.75,
    )
    return HunyuanImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=4.0),
        vae=vae.eval(),
        text_encoder=qwen_parts.qwen2_5_vl(tokenizer, layers=3),
        tokenizer=tokenizer,
        text_encoder_2=parts.t5_encoder(second),
        tokenizer_2=second,
        transformer=parts.shaken(transformer),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "distilled"])
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hunyuan-image")
    make(guided=request.param).save_pretrained(folder)
    return request.param, folder


def test_parity(made):
    guided, folder = made
    call = {"distilled_guidance_scale": 2.5} if guided else {}
    checks.check_parity(
        make(guided=guided), folder, network="transformer", latent_of=lambda x: x,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None], height=32, width=32,
        settings=SIZE | ({"guidance": 2.5} if guided else {}), **call,
    )  # fmt: skip


def test_what_stands_in_quotes_is_read_letter_by_letter(made):
    mine = checks.loaded(made[1], **SIZE)
    plain, quoted = mine.condition([checks.TEXT, QUOTED])
    assert not plain.tensors["quoted_mask"].any()
    assert quoted.tensors["quoted_mask"].sum() > len("dog")
    x, times = torch.randn(1, *mine.latent_shape), torch.tensor([0.4])
    bare = {n: t for n, t in quoted.tensors.items() if not n.startswith("quoted")}
    without = type(quoted)(
        bare | {n: t for n, t in plain.tensors.items() if n.startswith("quoted")}
    )
    with torch.no_grad():
        a, b = (mine.predict(x, times, stacked([prompt])) for prompt in (quoted, without))
    assert float((a - b).norm() / a.norm()) > 1e-4


def test_a_network_of_mean_flows_is_told_one_time_twice(tmp_path):
    make(use_meanflow=True).save_pretrained(tmp_path)
    mine = checks.loaded(tmp_path, **SIZE)
    seen = checks.Recorder(mine.network)
    with torch.no_grad():
        mine.predict(
            torch.randn(1, *mine.latent_shape), torch.tensor([0.4]), stacked(mine.condition(["a"]))
        )
    named = seen.calls[0][1]
    assert named["timestep_r"].tolist() == named["timestep"].tolist() == [400.0]


def test_scores(made):
    guided, folder = made
    model = checks.check_scores(folder, **SIZE)
    assert model.settings.guidance == (3.25 if guided else None)
    assert model.settings.latent_shape == (4, 8, 8)
    assert checks.loaded(folder).resolution == 2048


def test_batches_and_mask(made):
    mine = checks.loaded(made[1], **SIZE)
    checks.check_batches(mine)
    assert not mine.is_cut("a" * 800)
    assert mine.is_cut("a" * 1100)


def test_levels(made):
    checks.check_levels(checks.loaded(made[1], **SIZE), make().scheduler)


def test_truth(made, monkeypatch):
    checks.check_true_prediction(made[1], monkeypatch, **SIZE)


def test_refusals(made, tmp_path):
    checks.check_refusals(made[1], tmp_path, foreign="epsilon")
