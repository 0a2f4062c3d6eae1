"""Examples of version 2: negatives are false, near at every level, and of no task."""

import re
from collections import Counter

import numpy as np
import pytest

from gdbench.finetune.graded import GradedExamples, names_held_out, unrelated, wrong_order
from gdbench.finetune.scenes import things
from gdbench.finetune.validation import graded_items
from gdbench.mini.graded.contents import Count, Frame, Group, Play
from gdbench.mini.graded.corpus import LEVEL_SHARES
from gdbench.mini.graded.items import TASKS
from gdbench.mini.scenes import OPPOSITE, RELATIONS
from gdbench.mini.seeding import stream

DATA = GradedExamples(900, seed=5)
SCENES = [DATA.scene(index) for index in range(len(DATA))]
CLAUSE = re.compile(rf"an? (.+?) ({'|'.join(RELATIONS)}) an? (.+)")


def contradicts(text, group):
    """Whether a sentence names a thing that is not there, or turns round what is tied."""
    there = {str(thing) for thing in group.things}
    ties = {}
    for one, relation, two in group.ties:
        first, second = str(group.things[one]), str(group.things[two])
        ties |= {(first, second): relation, (second, first): OPPOSITE[relation]}
    for clause in text.split(" and "):
        found = CLAUSE.fullmatch(clause)
        if found is None:
            if re.sub("^an? ", "", clause) not in there:
                return True
            continue
        one, relation, two = found.groups()
        if not {one, two} <= there or ties.get((one, two), relation) != relation:
            return True
    return False


def test_levels_and_sorts_are_those_of_the_training_corpus():
    n = len(SCENES)
    for level, percent in LEVEL_SHARES.items():
        share = sum(scene.level == level for scene in SCENES) / n
        assert abs(share - percent / 100) < 4 * (percent / 100 / n) ** 0.5
    kinds = {type(scene.content) for scene in SCENES if scene.level > 1}
    assert kinds >= {Group, Count, Frame, Play}


def test_hard_texts_are_false_of_groups_and_the_own_text_is_not():
    seen = Counter()
    for index, scene in enumerate(SCENES):
        if not isinstance(scene.content, Group):
            continue
        rng = stream("twist", index)
        other = scene.twisted(rng)
        assert not contradicts(scene.text, scene.content)
        assert not contradicts(other.text, other.content)
        assert contradicts(other.text, scene.content)
        assert contradicts(scene.text, other.content)
        wrong = wrong_order(scene, rng)
        if wrong is not None:
            plain, own = (re.sub(r"\ban\b", "a", text).split() for text in (wrong, scene.text))
            assert sorted(plain) == sorted(own)
            assert plain != own
        moved = sum(a != b for a, b in zip(scene.content.things, other.content.things, strict=True))
        seen[scene.level, moved] += 1
    # a relation or none of the things, one detail, two that exchange, three that go round
    assert {moved for level, moved in seen if level == 2} == {0, 1, 2, 3}
    assert {moved for level, moved in seen if level == 3} == {0, 1, 2}


def test_other_twists_change_one_thing():
    for index, scene in enumerate(SCENES):
        other = scene.twisted(stream("twist", index))
        assert type(other.content) is type(scene.content)
        assert other.content != scene.content
        assert other.text != scene.text
        match scene.content, other.content:
            case Play(one), Play(two):
                parts = [
                    getattr(a, part) != getattr(b, part)
                    for a, b in zip(one, two, strict=True)
                    for part in ("subject", "verb", "object")
                ]
                assert sum(parts) == 1
            case Frame() as one, Frame() as two:
                assert one.others == two.others
                names = [thing.colour for thing in two.others]
                assert two.thing.colour not in names


def test_random_texts_share_nothing_with_the_picture():
    for index, scene in enumerate(SCENES):
        other = unrelated(scene, stream("unrelated", index))
        shown = {(thing.colour, thing.shape) for thing in things(scene.content)}
        assert not shown & {(thing.colour, thing.shape) for thing in things(other.content)}
        assert other.text != scene.text
        if isinstance(scene.content, Play):
            assert other.text not in scene.text.split(" and ")


@pytest.mark.parametrize("negative", ["none", "random-text", "hard-text", "hard-image"])
def test_nothing_held_out_in_positives_or_negatives(negative):
    for index in range(400):
        example = DATA.example(index, negative, stream("held-out", index))
        assert not names_held_out(example.text)
        assert not names_held_out(example.negative_text)
        for image in (example.image, example.negative_image):
            assert not any(thing.held_out for thing in things(image.content))


def test_hard_images_have_the_same_ground_and_mostly_the_same_places():
    shares, others = [], []
    for index in range(60):
        example = DATA.example(index, "hard-image", stream("image", index))
        one, two = example.image.pixels(), example.negative_image.pixels()
        assert example.image.sha256 != example.negative_image.sha256
        assert example.image.level == example.negative_image.level
        shares.append(np.mean(one == two))
        stranger = DATA.example(index + 100, "none", stream("image", index)).image.pixels()
        others.append(np.mean(one == stranger))
    assert np.median(shares) > 0.6
    assert np.median(others) < 0.2


def test_examples_depend_on_index_and_seed_alone():
    again = GradedExamples(900, seed=5)
    one = DATA.example(7, "hard-text", stream("x"))
    assert one == again.example(7, "hard-text", stream("x"))
    assert DATA.fingerprint == again.fingerprint != GradedExamples(900, seed=6).fingerprint


def test_no_picture_of_training_or_validation_is_in_a_task():
    training = {
        image.sha256
        for index in range(150)
        for kind in ("hard-image",)
        for example in [GradedExamples().example(index, kind, stream("training", index))]
        for image in (example.image, example.negative_image)
    }
    validation = {image.sha256 for item in graded_items(100) for image in item.images}
    assert not training & validation
    for make in TASKS.values():
        tested = {image.sha256 for item in make() for image in item.images}
        assert not tested & (training | validation)


def test_validation_items_ask_both_directions_and_have_nothing_held_out():
    items = list(graded_items(40))
    assert len({item.id for item in items}) == len(items) == 80
    for text, image in zip(items[::2], items[1::2], strict=True):
        assert image.texts == (text.texts[text.gold[0]],)
        assert image.images[image.gold[0]] == text.images[0]
        assert len(set(text.texts)) == len({one.sha256 for one in image.images}) == 2
        assert not any(names_held_out(sentence) for sentence in text.texts)
    assert Counter(item.gold for item in items[::2]) == {(0,): 20, (1,): 20}
    assert {item.id for item in graded_items(10)} < {item.id for item in items}
