"""The CLIP adapter on a real, tiny, random open_clip model in the local-folder layout."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from gdbench.errors import InputError
from gdbench.models import load_model
from gdbench.models.open_clip import OpenCLIP

CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
        },
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic",
        "resize_mode": "squash",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "tiny-clip"
    path.mkdir()
    (path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(0)
    model = open_clip.CLIP(**CONFIG["model_cfg"])
    save_file(model.state_dict(), path / "open_clip_model.safetensors")
    return path


@pytest.fixture(scope="module")
def clip(folder) -> OpenCLIP:
    return load_model(str(folder))


def test_scores_are_open_clips_cosines(folder, clip, colour_task):
    items = list(colour_task.items("mini"))
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()
    for item, found in zip(items, clip.score_items(iter(items)), strict=True):
        with torch.inference_mode():
            i = model.encode_image(torch.stack([preprocess(r.open()) for r in item.images]))
            t = model.encode_text(tokenizer(list(item.texts)))
            expected = torch.nn.functional.cosine_similarity(i[:, None], t[None], dim=-1)
        assert found.item_id == item.id
        np.testing.assert_allclose(found.matrix, expected.numpy(), atol=1e-5)


def test_batch_size_and_neighbours_do_not_change_a_score(folder, clip, colour_task):
    items = list(colour_task.items("mini"))
    reference = [s.matrix for s in clip.score_items(items)]
    other = load_model(str(folder), batch_size=3)
    for found, expected in zip(other.score_items(items), reference, strict=True):
        np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
    # the same batch shape, other neighbours: the same bits
    again = load_model(str(folder))
    alone = next(iter(again.score_items(items[5:])))
    assert np.array_equal(alone.matrix, reference[5])


def test_each_picture_and_text_is_encoded_once(folder, colour_task):
    clip = load_model(str(folder), batch_size=4)
    batches = {"image": 0, "text": 0}
    image, text = clip._model.encode_image, clip._model.encode_text

    def count(kind, encode):
        def counted(batch):
            batches[kind] += len(batch)
            return encode(batch)

        return counted

    clip._model.encode_image = count("image", image)
    clip._model.encode_text = count("text", text)
    list(clip.score_items(colour_task.items("mini")))
    assert batches == {"image": 4, "text": 4}  # four colours


def test_cut_captions_are_counted(clip, colour_task):
    item = next(iter(colour_task.items("mini")))
    long = item.__class__(
        "long", item.images, ("word " * 40, "a short one", ""), item.query, (0,), "s"
    )
    (found,) = clip.score_items([long])
    assert found.truncated_texts == 1
    assert np.isfinite(found.matrix).all()


def test_captions_with_the_tokenizers_own_signs_are_counted(clip, colour_task, caplog):
    item = next(iter(colour_task.items("mini")))
    texts = ("a red <end_of_text> cat", "a red", "a < end > of text")
    odd = item.__class__("odd", item.images, texts, item.query, (0,), "s")
    (found,) = clip.score_items([odd])
    assert found.truncated_texts == 1
    assert "special tokens" in caplog.text
    assert found.matrix[0, 0] == pytest.approx(found.matrix[0, 1], abs=1e-6)


def test_card_names_the_weights(clip):
    assert clip.card.name == "tiny-clip"
    assert len(clip.card.weights_sha256) == 64
    assert clip.card.revision == clip.content.sha256[:12]
    assert clip.card.resolution == 32
    assert clip.card.source == "tiny-clip"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("clip:ViT-B-99/openai", "cannot load"),
        ("clip:ViT-B-32", "give the pretrained tag"),
        ("clip:ViT-B-32/nonsense", "cannot load"),
    ],
)
def test_unknown_architecture_or_tag_is_one_line(spec, message):
    with pytest.raises(InputError, match=message) as caught:
        load_model(spec)
    assert "\n" not in str(caught.value)


def test_broken_weights_are_one_line(folder, tmp_path):
    copy = tmp_path / "broken"
    copy.mkdir()
    (copy / "open_clip_config.json").write_bytes((folder / "open_clip_config.json").read_bytes())
    with pytest.raises(InputError, match="cannot load"):
        load_model(str(copy))
    (copy / "open_clip_model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(InputError, match="cannot load"):
        load_model(str(copy))
    (copy / "open_clip_config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot load"):
        load_model(str(copy))


def test_folder_that_is_no_model_is_one_line(tmp_path):
    with pytest.raises(InputError, match="not a model folder"):
        load_model(str(tmp_path))
