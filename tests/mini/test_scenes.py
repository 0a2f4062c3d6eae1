"""The scenes: bytes that never drift, and nothing held out in the training mixture."""

import hashlib

import numpy as np
import pytest

from gdbench.mini import HELD_OUT_KINDS, heldout
from gdbench.mini.corpus import describe, scene
from gdbench.mini.creatures import KIND_NAMES, kinds
from gdbench.mini.items import TASKS
from gdbench.mini.scenes import Many, Pair, Placed, Single
from gdbench.mini.shapes import COLOUR_NAMES, HELD_OUT, SHAPE_NAMES, Thing


def things(content: object) -> list[Thing]:
    match content:
        case Single(thing) | Many(thing, _) | Placed(thing, _, _):
            return [thing]
        case Pair(first, second):
            return [first, second]
    return []


def test_training_scenes_are_byte_stable() -> None:
    digest = hashlib.sha256()
    for index in range(300):
        pixels, texts = scene(index)
        assert pixels.shape == (64, 64, 3)
        assert pixels.dtype == np.uint8
        digest.update(pixels.tobytes() + "\n".join(texts).encode())
    assert digest.hexdigest() == "cc48cdf2bf102806600fac696b25e388a3298ec32365aeee963661d9c20a498f"


def test_held_out_combinations_are_balanced_and_never_trained_on() -> None:
    assert sorted(colour for colour, _ in HELD_OUT) == sorted(COLOUR_NAMES)
    assert sorted(shape for _, shape in HELD_OUT) == sorted(SHAPE_NAMES)
    seen = {
        (thing.colour, thing.shape) for index in range(5000) for thing in things(describe(index)[0])
    }
    assert not seen & HELD_OUT
    assert len(seen) == len(COLOUR_NAMES) * len(SHAPE_NAMES) - len(HELD_OUT)


def test_no_picture_of_the_tasks_occurs_in_training_or_in_the_held_out_set() -> None:
    trained = {hashlib.sha256(scene(index)[0].tobytes()).hexdigest() for index in range(3000)}
    tested = {image.sha256 for task in TASKS.values() for item in task() for image in item.images}
    generated = {
        image.sha256
        for kind in HELD_OUT_KINDS
        for item in heldout(kind, 40)
        for image in item.images
    }
    assert not trained & tested
    assert not trained & generated
    assert not tested & generated


def test_any_two_kinds_of_creature_differ_in_two_features() -> None:
    creatures = list(kinds().values())
    assert len(creatures) == len(KIND_NAMES) == 37
    assert all(a.differs_by(b) >= 2 for place, a in enumerate(creatures) for b in creatures[:place])


def test_an_unknown_kind_of_held_out_items_names_the_kinds_there_are() -> None:
    with pytest.raises(ValueError, match="colour"):
        next(iter(heldout("taste", 2)))
