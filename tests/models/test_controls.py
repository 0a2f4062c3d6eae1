import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.models.controls import control, grey, parse_control
from gdbench.models.own import own_model
from gdbench.protocol import Item, ModelCard, Query, Scores


class Counting:
    """Scores by mean brightness plus caption length; counts what it is asked."""

    card = ModelCard(name="counting", revision="3", family="contrastive")

    def __init__(self):
        self.asked = []

    def score(self, images, texts):
        self.asked.append((len(images), tuple(texts)))
        light = np.array([np.asarray(i).mean() for i in images])
        return light[:, None] + np.array([len(t) for t in texts])[None]


class Batched(Counting):
    def score_items(self, items):
        for item in items:
            matrix = self.score([i.open() for i in item.images], item.texts)
            errors = np.repeat(-matrix[..., None], 3, axis=-1).astype(np.float32)
            base = np.ones((len(item.images), 3), dtype=np.float32)
            yield Scores(item.id, matrix, errors, base)


PICTURES = [grey().open().point(lambda v, d=d: v + d) for d in (-50, 0, 50)]


def test_text_only_sees_one_grey_picture():
    inner = Counting()
    matrix = control(inner, "text-only").score(PICTURES, ["a", "bbb"])
    assert (matrix == matrix[0]).all()
    assert matrix[0, 1] - matrix[0, 0] == 2
    assert inner.asked == [(1, ("a", "bbb"))]


def test_image_only_reads_one_empty_caption():
    inner = Counting()
    matrix = control(inner, "image-only").score(PICTURES, ["a", "bbb"])
    assert (matrix.T[0] == matrix.T).all()
    assert matrix[2, 0] > matrix[1, 0] > matrix[0, 0]
    assert inner.asked == [(3, ("",))]


@pytest.mark.parametrize("kind", ["text-only", "image-only"])
def test_many_items_at_once_give_the_same(kind):
    class Ref:
        sha256 = "0" * 64

        def __init__(self, image):
            self.open = lambda: image

    items = [
        Item(f"i{k}", tuple(map(Ref, PICTURES)), ("a", "bb"[:k] + "c"), Query.MATCHING, (0, 1), "s")
        for k in range(3)
    ]
    found = list(control(Batched(), kind).score_items(items))
    assert [s.item_id for s in found] == ["i0", "i1", "i2"]
    for item, scores in zip(items, found, strict=True):
        one = control(Counting(), kind).score(PICTURES, item.texts)
        np.testing.assert_array_equal(scores.matrix, one)
        assert scores.errors.shape == (3, 2, 3)
        assert scores.unconditional_errors.shape == (3, 3)
    assert not hasattr(control(Counting(), kind), "score_items")


def test_the_card_says_what_it_is():
    card = control(Counting(), "text-only").card
    assert (card.name, card.family) == ("text-only-counting", "control")
    assert card.revision.startswith("3+")


def test_names():
    assert parse_control("control:image-only:clip:RN50/openai") == (
        "image-only",
        "clip:RN50/openai",
    )
    for wrong in ("control:blind:x", "control:text-only", "control:text-only:", "control:"):
        with pytest.raises(InputError, match="KIND"):
            parse_control(wrong)


def test_a_control_is_other_content_than_its_model():
    inner = Counting()
    contents = {own_model(inner).content.sha256}
    contents |= {control(inner, kind).content.sha256 for kind in ("text-only", "image-only")}
    assert len(contents) == 3
