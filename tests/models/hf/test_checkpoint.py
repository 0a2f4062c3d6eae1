"""What a folder or hub id of transformers can be, and every way in which it can be wrong."""

import json
import shutil

import numpy as np
import pytest
import torch

from gdbench.errors import InputError, MissingExtraError
from gdbench.models import KINDS, MODELS, ModelEntry, load_model
from gdbench.models.hub import fetch
from gdbench.models.loading import resolve, takes
from tests.models.hf.tiny import DUAL, MATCHING, pictures
from tests.models.hf.tiny_vlm import ALL


@pytest.fixture
def clip(folder_of, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(folder_of("CLIPModel"), tmp_path / "clip")


def change(path, **values):
    config = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def one_line(folder, kind=InputError, **options):
    with pytest.raises(kind) as caught:
        load_model(str(folder), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ALL)
def test_the_architecture_chooses_how_it_is_scored(name, folder_of):
    entry = resolve(str(folder_of(name)))
    expected = "hf-dual" if name in DUAL else "hf-itm" if name in MATCHING else "hf-vlm"
    assert entry.kind == expected
    assert entry == resolve(f"hf:{folder_of(name)}")
    assert takes(str(folder_of(name)), "scorer") == (expected == "hf-vlm")


def test_another_architecture_is_told_what_is_read(clip):
    change(clip / "config.json", architectures=["LlamaForCausalLM"], model_type="llama")
    said = one_line(clip)
    assert "is a LlamaForCausalLM" in said
    assert "BlipForImageTextRetrieval" in said
    change(clip / "config.json", architectures=None, model_type="nonsense")
    assert "model of type 'nonsense'" in one_line(clip)


def test_pickles_are_refused_with_the_command_that_converts_them(clip, tmp_path):
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(clip)
    torch.save(model.state_dict(), clip / "pytorch_model.bin")
    (clip / "model.safetensors").unlink()
    said = one_line(clip)
    assert "pickles only (pytorch_model.bin)" in said
    command = said.split('python -c "')[1].removesuffix('"').replace("OUT", str(tmp_path / "out"))
    exec(command)  # noqa: S102 # what the line says is to work
    shutil.copy(clip / "tokenizer.json", tmp_path / "out")
    for name in ("tokenizer_config.json", "processor_config.json"):
        shutil.copy(clip / name, tmp_path / "out")
    assert np.isfinite(load_model(str(tmp_path / "out")).score(pictures(1), ["a cat"])).all()


CODE = """
from transformers import CLIPConfig, CLIPModel
class TheirConfig(CLIPConfig):
    model_type = "theirs"
class TheirModel(CLIPModel):
    config_class = TheirConfig
    def get_image_features(self, **inputs):
        return -super().get_image_features(**inputs).pooler_output
"""


def test_code_in_a_repository_runs_only_when_asked_and_is_hashed(clip, monkeypatch, tmp_path):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    monkeypatch.syspath_prepend(str(tmp_path / "m"))
    plain = load_model(str(clip))
    (clip / "theirs.py").write_text(CODE)
    auto = {"AutoConfig": "theirs.TheirConfig", "AutoModel": "theirs.TheirModel"}
    change(clip / "config.json", architectures=["TheirModel"], model_type="theirs", auto_map=auto)
    said = one_line(clip)
    assert "Python code in the repository (TheirModel)" in said
    assert "--trust-remote-code" in said
    model = load_model(str(clip), trust_remote_code=True)
    assert model.settings.trust_remote_code
    assert "code" in model.content.parts
    np.testing.assert_allclose(
        model.score(pictures(), ["a cat"]), -plain.score(pictures(), ["a cat"]), atol=1e-6
    )
    # a class of transformers needs no code, whatever lies beside it
    change(clip / "config.json", architectures=["CLIPModel"], model_type="clip")
    assert "code" not in load_model(str(clip)).content.parts


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["processor_config.json"], "no preprocessor_config.json or processor_config.json"),
        (["tokenizer.json"], "no tokenizer"),
        (["model.safetensors"], "no model.safetensors"),
    ],
)
def test_what_is_missing_is_named(gone, said, clip):
    for name in gone:
        (clip / name).unlink()
    assert said in one_line(clip)


def test_a_tokenizer_of_sentencepiece_names_the_extra(folder_of, clip, tmp_path, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "sentencepiece" else found(n, *a)
    )
    (clip / "tokenizer.json").unlink()
    (clip / "spiece.model").write_bytes(b"")
    assert "gdbench[tokenizers]" in one_line(clip, MissingExtraError)


def test_a_tensor_that_is_missing_is_not_made_up(clip):
    from safetensors.torch import load_file, save_file

    tensors = load_file(clip / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, clip / "model.safetensors", {"format": "pt"})
    assert "1 tensors are missing, visual_projection.weight" in one_line(clip)


def test_files_that_are_broken_are_one_line(clip):
    (clip / "model.safetensors").write_bytes(b"not tensors")
    assert "not a safetensors file" in one_line(clip)
    (clip / "config.json").write_text("[]")
    assert "expected a JSON object" in one_line(clip)


def test_an_index_cannot_lead_out_of_the_folder(clip):
    (clip / "model.safetensors").unlink()
    (clip / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../a.safetensors"}}')
    assert "outside the folder" in one_line(clip)


def test_other_layouts_go_to_their_own_kind(clip, tmp_path):
    (clip / "open_clip_config.json").write_text("{}")
    assert resolve(str(clip)).kind == "open-clip"
    assert resolve(f"hf:{clip}").kind == "hf-dual"  # asked for
    pipeline = tmp_path / "pipeline"
    pipeline.mkdir()
    (pipeline / "model_index.json").write_text("{}")
    assert resolve(str(pipeline)).kind == "diffusion-itm"
    with pytest.raises(InputError, match="a diffusers pipeline; use --model the folder without"):
        resolve(f"hf:{pipeline}")
    with pytest.raises(InputError, match=r"no config\.json"):
        resolve(f"hf:{tmp_path}")
    with pytest.raises(InputError, match="neither a folder nor a hub id"):
        resolve("hf:nowhere")


def test_the_card_has_the_licence_of_the_readme(clip):
    (clip / "README.md").write_text("---\nlicense: other\nlicense_name: ours\n---\n# Title\n")
    card = load_model(str(clip)).card
    assert (card.license, card.source, card.resolution) == ("ours", "clip", 32)
    (clip / "README.md").write_text("---\nlicense: [apache-2.0\n---\n")
    assert load_model(str(clip)).card.license == ""


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "o/m is gated: open https://huggingface.co/o/m"),
        (404, "RepoNotFound", "o/m is not on the hub, or private"),
        (404, "RevisionNotFound", "o/m has no revision 'v9'"),
        (500, "", "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_one_line_with_what_to_do(status, code, said, hub):
    hub.refusal = (status, code)
    with pytest.raises(InputError, match=said) as caught:
        fetch("o/m", "v9", ["*.json"])
    assert "\n" not in str(caught.value)


def test_a_hub_id_is_the_same_model_as_its_folder(hub, folder_of):
    hub.folders["o/m"] = folder_of("CLIPModel")
    assert not KINDS.get("hf-dual").is_here(ModelEntry("m", "hf-dual", "o/m", "contrastive"))
    model = load_model("hf:o/m")
    assert model.content == load_model(str(folder_of("CLIPModel"))).content
    assert (model.card.name, model.card.source) == ("m", "o/m")
    assert model.card.url == "https://huggingface.co/o/m"
    assert hub.fetched.count("model.safetensors") == 1
    assert KINDS.get("hf-dual").is_here(resolve("hf:o/m"))
    # and again where there is no network
    hub.refusal = (500, "")
    assert load_model("hf:o/m").content == model.content


def test_weights_of_a_class_that_is_not_read_are_never_fetched(hub, clip):
    change(clip / "config.json", architectures=["LlamaForCausalLM"])
    hub.folders["o/llama"] = clip
    with pytest.raises(InputError, match="is a LlamaForCausalLM"):
        load_model("hf:o/llama")
    assert "config.json" in hub.fetched
    assert "model.safetensors" not in hub.fetched


def test_a_large_download_is_announced_before_it_starts(hub, clip, capsys):
    hub.folders["o/m"] = clip
    hub.padding = 2 * 10**9
    load_model("hf:o/m")
    assert "fetching 2.0 GB of weights of o/m" in capsys.readouterr().err


def test_pickles_on_the_hub_are_refused_unread(hub, clip):
    (clip / "model.safetensors").rename(clip / "pytorch_model.bin")
    hub.folders["o/m"] = clip
    with pytest.raises(InputError, match="pickles only"):
        load_model("hf:o/m")
    assert "pytorch_model.bin" not in hub.fetched


def test_a_registered_name_is_fetched_from_its_repository(hub, folder_of):
    hub.folders["google/siglip-base-patch16-224"] = folder_of("SiglipModel")
    card = load_model("siglip-b16").card
    assert (card.name, card.license) == ("siglip-b16", "Apache-2.0")
    assert card.source == "google/siglip-base-patch16-224"
    hub.folders["Salesforce/blip-itm-base-coco"] = folder_of("CLIPModel")
    with pytest.raises(InputError, match="is a CLIPModel, which the kind hf-itm cannot read"):
        load_model("blip-itm-base")


def test_registered_models_of_open_clip_are_published_ones():
    import open_clip

    published = set(open_clip.list_pretrained())
    entries = [e for _, e in MODELS.items() if e.kind == "open-clip" and not e.local]
    assert len(entries) > 10
    assert all(tuple(e.source.split("/")) in published for e in entries)


def test_a_pipeline_takes_no_question():
    with pytest.raises(InputError, match="--scorer: mini-sd does not use it"):
        load_model("mini-sd", scorer="vqa")
