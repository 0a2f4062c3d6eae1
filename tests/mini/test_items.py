"""The items of the mini suite."""

import hashlib
import json
from collections import Counter

import pytest

from gdbench.mini import HELD_OUT_KINDS, heldout
from gdbench.mini.items import TASKS
from gdbench.protocol import ImageRef, Item, Query


@pytest.fixture(scope="module")
def items() -> dict[str, list[Item]]:
    return {name: list(make()) for name, make in TASKS.items()}


def test_items_are_byte_stable(items: dict[str, list[Item]]) -> None:
    digest = hashlib.sha256()
    for name, found in items.items():
        for item in found:
            fields = [
                name,
                item.id,
                [image.sha256 for image in item.images],
                item.texts,
                item.query.value,
                item.gold,
                item.subtask,
                item.cluster,
                item.tags,
            ]
            digest.update(json.dumps(fields).encode())
    assert digest.hexdigest() == "a1820001fdad0a7f77396b113f79e90eb039b74987a47d154b293f80d4def71e"


def test_every_subtask_has_a_hundred_items_and_ids_are_unique(items: dict[str, list[Item]]) -> None:
    for name, found in items.items():
        least = 50 if name == "bias" else 100
        assert min(Counter(item.subtask for item in found).values()) >= least
        assert len({item.id for item in found}) == len(found)
    assert len(items["bias"]) >= 100


def test_candidates_differ_from_each_other(items: dict[str, list[Item]]) -> None:
    for found in items.values():
        for item in found:
            assert len(set(item.texts)) == len(item.texts), item.id
            assert len({image.sha256 for image in item.images}) == len(item.images), item.id


def test_gold_answers_are_spread_over_the_places(items: dict[str, list[Item]]) -> None:
    for found in items.values():
        for subtask in {item.subtask for item in found}:
            mine = [item for item in found if item.subtask == subtask]
            if mine[0].query in {Query.MATCHING, Query.ASSOCIATION}:
                continue
            choices = max(len(mine[0].texts), len(mine[0].images))
            share = Counter(item.gold[0] for item in mine).most_common(1)[0][1] / len(mine)
            assert share <= max(0.65, 2.5 / choices), subtask


def test_both_pictures_of_a_two_way_pair_are_asked(items: dict[str, list[Item]]) -> None:
    for item_a, item_b in zip(items["clevr"][::2], items["clevr"][1::2], strict=True):
        assert item_a.cluster == item_b.cluster
        assert set(item_a.texts) == set(item_b.texts)
        assert item_a.texts[item_a.gold[0]] != item_b.texts[item_b.gold[0]]


def test_winoground_captions_have_the_same_words(items: dict[str, list[Item]]) -> None:
    assert {tag for item in items["winoground"] for tag in item.tags} == {
        "Object",
        "Relation",
        "Both",
    }
    for item in items["winoground"]:
        first, second = (sorted(t.replace("an ", "a ").split()) for t in item.texts)
        assert first == second


@pytest.mark.parametrize("kind", HELD_OUT_KINDS)
def test_held_out_items_come_in_any_number_and_are_drawn_lazily(kind: str) -> None:
    found = list(heldout(kind, 42))
    assert len(found) == 42
    assert list(heldout(kind, 42)) == found
    assert list(heldout(kind, 42, seed=1)) != found
    picture = found[0].images[0]
    assert isinstance(picture, ImageRef)
    assert picture.open().size == (64, 64)
    assert picture.open().mode == "RGB"
