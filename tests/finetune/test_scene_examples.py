"""Drawn examples: what is said of a negative is false, and nothing held out is shown."""

import random
import re
from collections import Counter

import numpy as np
import pytest

from gdbench.finetune.examples import choose_negative
from gdbench.finetune.scenes import SceneExamples, things, twist, unrelated
from gdbench.mini.captions import captions, conjunction
from gdbench.mini.scenes import Pair
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, HELD_OUT, SHAPE_NAMES

DATA = SceneExamples(600, seed=3)


def true_sentences(content):
    """Every sentence of a known form that is true of a scene."""
    found = set(captions(content))
    if isinstance(content, Pair):
        found |= {conjunction(content.first, content.second)}
        found |= {conjunction(content.second, content.first)}
    return found


def combinations(text):
    pattern = rf"({'|'.join(COLOUR_NAMES)}) ({'|'.join(SHAPE_NAMES)})(?:s|es)?\b"
    return set(re.findall(pattern, text))


def test_hard_texts_are_false_and_differ_little():
    for index in range(len(DATA)):
        scene = DATA.scene(index)
        other = twist(scene, stream("twist", index))
        assert scene.text in true_sentences(scene.content)
        assert other.text in true_sentences(other.content)
        assert other.text not in true_sentences(scene.content)
        assert scene.text not in true_sentences(other.content)
        assert type(other.content) is type(scene.content)


def test_random_texts_share_nothing_with_the_picture():
    for index in range(len(DATA)):
        scene = DATA.scene(index)
        other = unrelated(scene, stream("unrelated", index))
        shown = {(t.colour, t.shape) for t in things(scene.content)}
        assert not shown & combinations(other.text)
        assert other.text != scene.text


@pytest.mark.parametrize("negative", ["none", "random-text", "hard-text", "hard-image"])
def test_nothing_held_out_in_positives_or_negatives(negative):
    for index in range(300):
        example = DATA.example(index, negative, stream("held-out", index))
        for text in (example.text, example.negative_text):
            assert not combinations(text) & HELD_OUT
        for image in (example.image, example.negative_image):
            assert not any(thing.held_out for thing in things(image.content))


def test_hard_images_are_near_identical_and_not_the_same():
    shares, others = [], []
    for index in range(60):
        example = DATA.example(index, "hard-image", stream("image", index))
        assert example.negative_text == example.text
        one, two = example.image.pixels(), example.negative_image.pixels()
        assert example.image.sha256 != example.negative_image.sha256
        shares.append(np.mean(one == two))
        stranger = DATA.scene(index + 100).picture(DATA.key(index + 100))
        others.append(np.mean(one == stranger.pixels()))
    assert np.median(shares) > 0.6  # same background, same places
    assert np.median(others) < 0.2


@pytest.mark.parametrize("negative", ["random-text", "hard-text"])
def test_text_negatives_keep_the_picture(negative):
    example = DATA.example(5, negative, random.Random(0))
    assert example.negative_image is example.image
    assert example.negative_text != example.text


def test_mixture_of_the_paper():
    rng = random.Random(1)
    n = 20_000
    counts = Counter(choose_negative("mixed", rng) for _ in range(n))
    assert counts.keys() == {"hard-image", "hard-text", "random-text"}
    for kind, share in (("hard-image", 0.5), ("hard-text", 0.25), ("random-text", 0.25)):
        assert abs(counts[kind] / n - share) < 4 * (share * (1 - share) / n) ** 0.5


def test_examples_depend_on_index_and_seed_alone():
    again = SceneExamples(600, seed=3)
    one = DATA.example(7, "hard-image", stream("x"))
    two = again.example(7, "hard-image", stream("x"))
    assert (one.text, one.negative_image.sha256) == (two.text, two.negative_image.sha256)
    assert DATA.fingerprint == again.fingerprint != SceneExamples(600, seed=4).fingerprint
