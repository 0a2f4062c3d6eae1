"""The bundled weights: layout, type and size."""

from pathlib import Path

import open_clip
import pytest
import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from PIL import Image
from safetensors import safe_open
from transformers import BlipForImageTextRetrieval, BlipProcessor

import gdbench.mini
from gdbench.models import load_model
from training.first.tokenizer import build, words

WEIGHTS = Path(gdbench.mini.__file__).parent / "weights"
MAX_BYTES = 40_000_000


def test_all_weights_are_float16_and_small_together() -> None:
    files = sorted(WEIGHTS.rglob("*.safetensors"))
    assert len(files) == 13
    for file in files:
        with safe_open(file, framework="pt") as weights:
            types = {weights.get_tensor(name).dtype for name in weights.keys()}  # noqa: SIM118
        assert types - {torch.int64} == {torch.float16}, file
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES


@pytest.mark.parametrize("name", ["mini-sd", "mini-sd-early"])
def test_the_pipeline_loads_and_draws(name: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS / name, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.scheduler.config.prediction_type == "epsilon"
    assert pipeline.scheduler.config.beta_schedule == "scaled_linear"
    image = pipeline("a red circle", num_inference_steps=2, height=64, width=64).images[0]
    assert image.size == (64, 64)


def test_the_clip_loads_offline_from_its_folder() -> None:
    name = f"local-dir:{WEIGHTS / 'mini-clip'}"
    model = open_clip.create_model(name, precision="fp32")
    ids = open_clip.get_tokenizer(name)(["a red circle", ""])
    assert model.encode_text(ids).shape == (2, 128)
    assert model.encode_image(torch.zeros(1, 3, 64, 64)).shape == (1, 128)


def test_the_flow_pipeline_loads_and_draws() -> None:
    pipeline = StableDiffusion3Pipeline.from_pretrained(
        WEIGHTS / "mini-flow", torch_dtype=torch.float32, text_encoder_3=None, tokenizer_3=None
    )
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        "a red circle", num_inference_steps=2, height=64, width=64, max_sequence_length=8
    )
    assert made.images[0].size == (64, 64)


def test_a_bundled_model_is_told_the_length_that_it_was_trained_with() -> None:
    """The record says it, so that a later run takes it over."""
    named = load_model("mini-flow", samples=1)
    assert named.settings.max_length == named.settings.asked().max_length == 8
    assert load_model("mini-flow", samples=1, max_length=5).settings.max_length == 5


def test_the_matching_head_loads_in_its_public_class() -> None:
    model = BlipForImageTextRetrieval.from_pretrained(WEIGHTS / "mini-itm")
    read = BlipProcessor.from_pretrained(WEIGHTS / "mini-itm")
    inputs = read(images=Image.new("RGB", (64, 64)), text="five red circles", return_tensors="pt")
    assert model(**inputs).itm_score.shape == (1, 2)


def test_every_caption_word_is_one_token_and_any_text_has_tokens() -> None:
    tokenizer = build()
    assert all(len(ids) == 3 for ids in tokenizer(words()).input_ids)
    odd = tokenizer("zoë ☃ 漢字").input_ids
    assert len(odd) > 2
    assert tokenizer.unk_token_id not in odd[1:-1]
