"""Dual encoders of transformers against the models' own forward."""

import numpy as np
import pytest
import torch
import transformers

from gdbench.data.images import MemoryImage
from gdbench.errors import GdbenchError, InputError, ModelOutputError
from gdbench.models import load_model
from gdbench.protocol import Item, Query
from tests.models.hf.tiny import DUAL, pictures, save

TEXTS = [
    "a red picture",
    "two dogs under a big cat",
    "this is a long caption with many words in it and many words in it",
    "yes",
]


def item(texts, images=None):
    images = tuple(MemoryImage(i) for i in images or pictures())
    return Item("i", images, tuple(texts), Query.ASSOCIATION, (), "s")


@pytest.mark.parametrize("name", DUAL)
def test_scores_are_the_cosines_of_the_models_own_forward(name, folder_of):
    folder = folder_of(name)
    found = next(iter(load_model(str(folder)).score_items([item(TEXTS)]))).matrix
    model = getattr(transformers, name).from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    padding = {"padding": "max_length", "max_length": 64} if "iglip" in name else {"padding": True}
    inputs = processor(text=TEXTS, images=pictures(), return_tensors="pt", **padding)
    with torch.no_grad():
        out = model(**inputs)
    image = torch.nn.functional.normalize(out.image_embeds, dim=-1)
    text = torch.nn.functional.normalize(out.text_embeds, dim=-1)
    np.testing.assert_allclose(found, (image @ text.T).numpy(), atol=1e-5)
    assert np.ptp(found) > 0.01
    order = out.logits_per_image.numpy().argsort(axis=1)
    assert np.array_equal(found.argsort(axis=1), order)


@pytest.mark.parametrize("name", DUAL)
def test_a_pair_alone_scores_as_in_a_batch(name, folder_of):
    folder = str(folder_of(name))
    together = load_model(folder).score(pictures(), TEXTS)
    alone = load_model(folder, batch_size=1)
    for i, image in enumerate(pictures()):
        for j, text in enumerate(TEXTS):
            assert alone.score([image], [text])[0, 0] == pytest.approx(together[i, j], abs=1e-5)


@pytest.mark.parametrize("name", DUAL)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_finite_and_near(name, dtype, folder_of):
    folder = str(folder_of(name))
    whole, half = load_model(folder), load_model(folder, dtype=dtype)
    found = half.score(pictures(), TEXTS)
    assert half.settings.dtype == dtype
    np.testing.assert_allclose(found, whole.score(pictures(), TEXTS), atol=0.05)
    assert half.content == whole.content


def test_shards_are_the_same_model(folder_of, tmp_path):
    save(DUAL["CLIPModel"], tmp_path / "s", max_shard_size="20KB")
    assert len(list((tmp_path / "s").glob("*.safetensors"))) > 1
    plain, shards = load_model(str(folder_of("CLIPModel"))), load_model(f"hf:{tmp_path / 's'}")
    assert plain.content == shards.content
    assert plain.card.revision == shards.card.revision == plain.content.sha256[:12]


def test_captions_that_are_not_read_as_they_stand_are_counted(folder_of, caplog):
    model = load_model(str(folder_of("CLIPModel")))
    texts = ["a red cat <|endoftext|> two dogs", "many words " * 40, "a red cat"]
    (scores,) = model.score_items([item(texts)])
    assert scores.truncated_texts == 2
    assert "special tokens" in caplog.text
    assert "was cut" in caplog.text
    # what follows the sign is lost: the score is that of the words before it
    assert scores.matrix[0, 0] == pytest.approx(scores.matrix[0, 2], abs=1e-6)


def test_the_longest_caption_that_fits_is_whole(folder_of):
    for name, words in (("SiglipModel", 63), ("AltCLIPModel", 58), ("ChineseCLIPModel", 510)):
        model = load_model(str(folder_of(name)))
        assert model.unread(" ".join(["word"] * words)) is None
        assert model.unread(" ".join(["word"] * (words + 1))) == "cut"


def test_nan_names_the_encoder(folder_of):
    model = load_model(str(folder_of("SiglipModel")))
    with torch.no_grad():
        model._model.text_model.head.weight.fill_(float("nan"))
    with pytest.raises(ModelOutputError, match="encoder of texts returned NaN") as caught:
        model.score(pictures(), TEXTS)
    assert "--dtype" not in str(caught.value)  # it was float32


def test_a_dual_encoder_takes_no_question(folder_of):
    with pytest.raises(InputError, match="--scorer: tiny-CLIPModel does not use it"):
        load_model(str(folder_of("CLIPModel")), scorer="vqa")
    with pytest.raises(GdbenchError, match="--samples"):
        load_model(str(folder_of("CLIPModel")), samples=4)
