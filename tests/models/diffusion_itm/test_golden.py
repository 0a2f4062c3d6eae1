import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.golden import make_diffusion_itm as golden

MODEL = Path(golden.__file__).parent / "tiny-sd"
KNOWN = json.loads((MODEL.parent / "diffusion_itm.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("batch_size", [4, 32])
@pytest.mark.parametrize("compat", ["diffusion-itm-2023", None])
def test_engine_gives_the_golden_numbers(compat, batch_size):
    model = DiffusionITM.from_pretrained(
        MODEL, samples=10, compat=compat, device="cpu", batch_size=batch_size
    )
    known = KNOWN[compat or "default"]
    assert list(model.timesteps) == known["timesteps"]
    assert model.noise_sha256 == known["noise_sha256"]
    (scores,) = model.score_items([golden.item()])
    np.testing.assert_allclose(scores.errors, known["errors"], rtol=1e-4)
    np.testing.assert_allclose(
        scores.unconditional_errors, known["unconditional_errors"], rtol=1e-4
    )
    np.testing.assert_allclose(scores.matrix, known["scores"], atol=1e-4)
    assert scores.truncated_texts == 1


def test_golden_numbers_are_those_of_the_definition():
    """The formula with the libraries alone: no line of the engine but preprocessing."""
    vae = AutoencoderKL.from_pretrained(MODEL / "vae", torch_dtype=torch.float32)
    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet", torch_dtype=torch.float32)
    encoder = CLIPTextModel.from_pretrained(MODEL / "text_encoder", dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    scheduler = DDPMScheduler.from_pretrained(MODEL / "scheduler")
    bank = torch.randn(1000, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    item, known = golden.item(), KNOWN["diffusion-itm-2023"]
    with torch.no_grad():
        ids = tokenizer(
            ["", *item.texts], padding="max_length", max_length=16, truncation=True,
            return_tensors="pt",
        ).input_ids  # fmt: skip
        prompts = encoder(ids).last_hidden_state
        pixels = torch.stack([to_tensor(i.open(), 32) for i in item.images])
        latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        for i, latent in enumerate(latents):
            for k, t in enumerate(range(10, 990, 100)):
                x = scheduler.add_noise(latent[None], bank[k][None], torch.tensor([t]))
                predicted = unet(x.expand(4, -1, -1, -1), t, prompts).sample
                norms = (bank[k] - predicted).flatten(1).norm(dim=1).numpy()
                assert norms[0] == pytest.approx(known["unconditional_errors"][i][k], rel=1e-4)
                expected = [known["errors"][i][j][k] for j in range(3)]
                np.testing.assert_allclose(norms[1:], expected, rtol=1e-4)
    difference = np.array(known["errors"]) - np.array(known["unconditional_errors"])[:, None]
    np.testing.assert_allclose(known["scores"], -difference.mean(axis=-1), atol=1e-4)
