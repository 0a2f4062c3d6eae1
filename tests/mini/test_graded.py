"""Version 2 of the mini suite: bytes, balance, levels, and that every sentence is what it says."""

import hashlib
import re
from collections import Counter

import pytest

from gdbench.metrics.levels import level_of
from gdbench.mini.graded import contents, corpus
from gdbench.mini.graded.contents import Count, Frame, Group, Play
from gdbench.mini.graded.drawing import cells
from gdbench.mini.graded.items import TASKS
from gdbench.mini.graded.questions import LEVELS
from gdbench.mini.scenes import OPPOSITE, Pair, Single
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import HELD_OUT, SHAPE_NAMES
from gdbench.protocol import Item, Query
from gdbench.tasks import TASKS as REGISTERED
from gdbench.tasks.base import manifest_sha256

# Frozen before any model was measured.
MANIFESTS = {
    "flickr30k": "988c2894d74c6ebb091813cf3bed9cfe08a28b41b43a25bf2467d748355b3103",
    "winoground": "93ca0f6745e172f157bd2a375dc30c761d86fcaa209207ca0185a3a10dbf6c63",
    "aro": "4edded514aa8f36ca4007943ad8699cc7fb7fc391a4b05ece1f711c0a26a4bb1",
    "imagecode": "e3f4c3c770f540329ba85ff29b5b0e559149f39fecb5242792bc0af667ef31da",
    "svo": "6c12de15f4284581bd5c91e5ef4b14b50a60f58c5a9cb4fd4f1d3dd13fce8d37",
    "clevr": "78af87d70c4d6e574c9cf653fab0a505262a152d35033335be8d337bc223b2a0",
    "pets": "1034a18389cfe66b9649573f66d7be54acfe5cec88a72c4ea23419f8d8522a45",
    "bias": "5c4f7d5b460a89751ed893ee59e7ab83ce613af8022cdfaa42eecb59b32875e3",
}
RELATION = re.compile(r"an? ((?:small |large )?\w+ \w+) (left of|right of|above|below) an? (.+)")


@pytest.fixture(scope="module")
def items() -> dict[str, list[Item]]:
    return {name: list(make()) for name, make in TASKS.items()}


def test_items_are_byte_stable(items):
    assert {name: manifest_sha256(found) for name, found in items.items()} == MANIFESTS


def test_training_scenes_are_byte_stable():
    digest = hashlib.sha256()
    for index in range(100):
        pixels, texts = corpus.scene(index)
        digest.update(pixels.tobytes() + "\n".join(texts).encode())
    assert digest.hexdigest() == "31b3669b2ae5f97532d1ec440bc32ca29851814f111c3140b8bc392d133fb9b2"


def test_each_level_has_as_many_items_and_the_tasks_know_their_number(items):
    for name, found in items.items():
        counts = Counter((item.subtask, level_of(item.label)) for item in found)
        subtasks = {item.subtask for item in found}
        assert {level for _, level in counts} == set(LEVELS)
        for subtask in subtasks:
            assert len({counts[subtask, level] for level in LEVELS}) == 1
            assert sum(counts[subtask, level] for level in LEVELS) >= 150
        task = REGISTERED.get(name)
        assert task.expected["mini2"] == Counter(item.subtask for item in found)
        assert (task.version_of("mini2"), task.version_of("mini")) == ("2", "1")
        assert len({item.id for item in found}) == len(found)


def test_gold_answers_are_spread_over_the_places(items):
    for found in items.values():
        for level in LEVELS:
            for subtask in {item.subtask for item in found}:
                mine = [i for i in found if i.subtask == subtask and level_of(i.label) == level]
                if mine[0].query in {Query.MATCHING, Query.ASSOCIATION}:
                    continue
                choices = max(len(mine[0].texts), len(mine[0].images))
                share = Counter(i.gold[0] for i in mine).most_common(1)[0][1] / len(mine)
                assert share <= max(0.67, 2.5 / choices), (subtask, level)


def test_both_sides_of_a_two_way_pair_are_asked(items):
    for name in ("clevr", "svo"):
        for one, two in zip(items[name][::2], items[name][1::2], strict=True):
            assert one.cluster == two.cluster
            if one.query is Query.TEXT_RETRIEVAL:
                assert set(one.texts) == set(two.texts)
                assert one.texts[one.gold[0]] != two.texts[two.gold[0]]
            else:
                assert set(one.images) == set(two.images)
                assert one.images[one.gold[0]] != two.images[two.gold[0]]


def says(words, thing):
    """Whether words without an article describe a thing, as far as they go."""
    told = words.split()
    return told[-1] == thing.shape and set(told[:-1]) <= {thing.colour, thing.size}


def true_of_group(group, text):
    """Read a sentence with a parser of its own, and look whether it holds."""
    for clause in re.split(r" and (?=an? )", text):
        found = RELATION.fullmatch(clause)
        if found is None:
            words = re.sub(r"^an? ", "", clause)
            if not any(says(words, thing) for thing in group.things):
                return False
            continue
        one, relation, two = found.groups()
        holds = False
        for first, tie, second in group.ties:
            a, b = group.things[first], group.things[second]
            holds |= says(one, a) and says(two, b) and relation == tie
            holds |= says(one, b) and says(two, a) and relation == OPPOSITE[tie]
        if not holds:
            return False
    return True


def true_of(content, text):
    match content:
        case Group():
            return true_of_group(content, text)
        case Single(thing):
            return says(re.sub(r"^an? ", "", text), thing)
        case Pair(first, second, relation):
            return true_of_group(Group((first, second), (relation, relation)), text)
        case Count(thing, count):
            number, *words = text.split()
            shape = words[-1] if count == 1 else words[-1].removesuffix("s").removesuffix("e")
            named = [s for s in SHAPE_NAMES if shape in (s, s.removesuffix("e"))]
            right = contents.COUNTS[count - 1] == number
            return right and named == [thing.shape] and words[0] == thing.colour
        case Play(events):
            return sorted(text.split(" and ")) == sorted(map(str, events))
        case Frame(thing, row, column):
            return re.sub(r"^an? ", "", text) == f"{thing} {row} {column}"
    raise AssertionError(content)


@pytest.mark.parametrize("name", ["flickr30k", "winoground", "aro", "imagecode", "svo", "clevr"])
def test_the_right_sentence_is_true_and_the_others_are_false(items, name):
    """At levels 2 and 3; where orders of words are asked, those that are a sentence."""
    asked = 0
    for item in items[name]:
        if level_of(item.label) == 1 or item.subtask.endswith("_order"):
            continue
        for i, image in enumerate(item.images):
            for j, text in enumerate(item.texts):
                gold = (
                    item.gold[0] == i if item.query is Query.IMAGE_RETRIEVAL else item.gold[i] == j
                )
                assert true_of(image.content, text) is gold, (item.id, i, text)
                asked += 1
    assert asked >= 240


def test_wrong_orders_are_no_true_sentences(items):
    found = [i for i in items["aro"] if i.subtask == "coco_order" and level_of(i.label) != 1]
    for item in found:
        content = item.images[0].content
        for j, text in enumerate(item.texts):
            whole = all(RELATION.fullmatch(c) for c in re.split(r" and (?=an? )", text))
            assert (whole and true_of_group(content, text)) is (j == item.gold[0]), item.id


def test_things_stand_as_the_relations_say():
    for place in range(200):
        rng = stream("cells", place)
        group = contents.any_group(rng, 3 + place % 2)
        found = cells(group, rng)
        assert len(set(found)) == len(found)
        for one, relation, two in group.ties:
            (x, y), (u, v) = found[one], found[two]
            assert {
                "left of": x < u, "right of": x > u, "above": y < v, "below": y > v
            }[relation]  # fmt: skip
            assert (x == u) is (relation in ("above", "below"))


def test_nothing_held_out_is_trained_on_and_all_sorts_are():
    sorts, seen = Counter(), set()
    for index in range(3000):
        content, texts, level = corpus.describe(index)
        sorts[type(content).__name__, level] += 1
        assert texts
        things = getattr(content, "things", ())
        if isinstance(content, Count | Frame):
            things = (content.thing, *getattr(content, "others", ()))
        seen.update((thing.colour, thing.shape) for thing in things)
        if isinstance(content, Group):
            assert all(
                true_of_group(content, text)
                for text in texts
                if not re.search(r"\ban? (small|large)? ?\w+ and|^an? \w+ \w+$", text)
            )
    assert not seen & HELD_OUT
    assert len(seen) == 64 - len(HELD_OUT)
    assert {"Group", "Count", "Frame", "Play", "Animal", "Member"} <= {s for s, _ in sorts}
    assert {level for _, level in sorts} == set(LEVELS)


def test_no_picture_is_in_training_or_in_version_1(items):
    from gdbench.mini.items import TASKS as FIRST

    trained = {hashlib.sha256(corpus.scene(k)[0].tobytes()).hexdigest() for k in range(500)}
    tested = {image.sha256 for found in items.values() for item in found for image in item.images}
    first = {image.sha256 for i in FIRST["clevr"]() for image in i.images}
    assert not tested & trained
    assert not tested & first
