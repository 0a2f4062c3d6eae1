"""`gdbench models inspect`: facts from JSON files, never weights."""

import json
import shutil

import pytest

from gdbench.errors import InputError
from gdbench.models import MODELS, load_model
from gdbench.models.inspection import inspect
from gdbench.models.loading import resolve
from tests.models.hf.tiny import DUAL, MATCHING, save
from tests.models.hf.tiny_vlm import ALL


@pytest.mark.parametrize("name", ALL)
def test_it_says_what_loading_finds(name, folder_of):
    folder = folder_of(name)
    facts, model = inspect(str(folder)), load_model(str(folder))
    assert facts.architecture == name
    assert facts.family == model.card.family
    assert facts.kind == resolve(str(folder)).kind
    assert facts.resolution == model.card.resolution
    assert facts.weight_bytes == (folder / "model.safetensors").stat().st_size
    assert facts.problem == ""
    assert facts.here
    if name in DUAL or name in MATCHING:
        assert facts.text_length == model._length


def test_it_reads_no_weights(folder_of, tmp_path):
    folder = shutil.copytree(folder_of("CLIPModel"), tmp_path / "clip")
    (folder / "model.safetensors").write_bytes(b"nothing that can be loaded")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    facts = inspect(str(folder))
    assert (facts.weight_bytes, facts.license) == (26, "mit")


def test_shards_are_added_up(tmp_path):
    folder = save(DUAL["CLIPModel"], tmp_path / "s", max_shard_size="20KB")
    files = [p.stat().st_size for p in folder.glob("*.safetensors")]
    assert inspect(str(folder)).weight_bytes == sum(files)


def test_what_would_be_refused_is_said(folder_of, tmp_path):
    folder = shutil.copytree(folder_of("CLIPModel"), tmp_path / "clip")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "pickles only" in inspect(str(folder)).problem
    pipeline = tmp_path / "pipeline"
    (pipeline / "unet").mkdir(parents=True)
    (pipeline / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"1234")
    (pipeline / "unet/diffusion_pytorch_model.fp16.safetensors").write_bytes(b"12")
    index = {"_class_name": "NoSuchPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (pipeline / "model_index.json").write_text(json.dumps(index))
    facts = inspect(str(pipeline))
    assert (facts.architecture, facts.weight_bytes) == ("NoSuchPipeline", 4)
    assert "NoSuchPipeline" in facts.problem


def test_bundled_and_registered_models(tmp_path):
    clip = resolve("mini-clip").source
    assert (inspect(clip).resolution, inspect(clip).text_length) == (64, 24)
    assert inspect(resolve("mini-sd").source).architecture == "StableDiffusionPipeline"
    bundled = inspect("mini-sd")
    assert (bundled.name, bundled.resolution, bundled.text_length) == ("mini-sd", 64, 24)
    assert bundled.parameters == 5_684_931
    for name in ("mini-clip", "sd2.1", "constant"):
        entry, facts = MODELS.get(name), inspect(name)
        assert (facts.kind, facts.license, facts.family) == (
            entry.kind, entry.license, entry.family,
        )  # fmt: skip
    assert inspect("clip:ViT-L-14-336/openai").resolution == 336
    with pytest.raises(InputError, match="open_clip has no architecture"):
        inspect("clip:ViT-Q-1/openai")
    for nothing in (str(tmp_path), "nowhere", "mine.py:Model"):
        with pytest.raises(InputError):
            inspect(nothing)


def test_on_the_hub_only_json_is_fetched_and_sizes_are_asked(hub, folder_of):
    hub.folders["o/m"] = folder_of("SiglipModel")
    facts = inspect("o/m")
    assert facts == inspect("hf:o/m")
    assert facts.model == "hf:o/m"
    assert facts.weight_bytes == (folder_of("SiglipModel") / "model.safetensors").stat().st_size
    assert facts.revision == hub.commit
    assert facts.url == "https://huggingface.co/o/m"
    assert not facts.here
    assert hub.fetched
    assert all(name.endswith((".json", ".md")) for name in hub.fetched)
    assert "tokenizer.json" not in hub.fetched
