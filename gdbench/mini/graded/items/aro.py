"""ARO in miniature, version 2: relation, attribution and word order at three levels."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import permutations

from gdbench.mini import captions as first
from gdbench.mini.actors import Event
from gdbench.mini.corpus import any_event, any_pair
from gdbench.mini.graded.contents import (
    GradedContent,
    Group,
    Play,
    any_group,
    any_play,
    captions,
)
from gdbench.mini.graded.contrasts import binding, order
from gdbench.mini.graded.picture import Graded
from gdbench.mini.graded.questions import EACH, LEVELS, tag, text_questions
from gdbench.mini.items.aro import perturbations
from gdbench.mini.scenes import RELATIONS, Key, Pair
from gdbench.mini.seeding import stream
from gdbench.protocol import Item, Query

ROOT: Key = ("test", 2, "aro")
_CLAUSE = re.compile(rf"a (\w+ \w+) (?:{'|'.join(RELATIONS)}) a (\w+ \w+)")


def _plain(text: str) -> str:
    return re.sub(r"\ban\b", "a", text)


def may_be_true(content: GradedContent, text: str) -> bool:
    """Whether a wrong order may be true after all: it says something of things that are there."""
    plain = _plain(text)
    match content:
        case Group(things):
            said = [_CLAUSE.fullmatch(clause) for clause in plain.split(" and ")]
            there = {str(thing) for thing in things}
            return all(said) and there >= {word for one in said if one for word in one.groups()}
        case Play(events):
            return plain in {" and ".join(map(str, some)) for some in permutations(events)}
        case Pair() | Event():
            return plain in {_plain(caption) for caption in first.captions(content)}
        case _:
            return False


def negatives(content: GradedContent, text: str, rng: random.Random) -> list[str]:
    """Return ARO's four wrong orders of `text`, all different and none of them true."""
    found: list[str] = []
    for kind in range(4):
        for _ in range(100):
            wrong = perturbations(text, rng)[kind]
            fresh = _plain(wrong) != _plain(text) and wrong not in found
            if fresh and not may_be_true(content, wrong):
                found.append(wrong)
                break
        else:
            msg = f"no wrong order of {text!r}"
            raise AssertionError(msg)
    return found


def _scene(rng: random.Random, subtask: str, level: int) -> GradedContent:
    if subtask == "coco_order":
        return any_pair(rng) if level == 1 else any_group(rng, level + 1)
    return any_event(rng) if level == 1 else any_play(rng, level)


def order_questions(subtask: str, root: Key, each: int = EACH) -> Iterator[Item]:
    """Yield items of one image and five orders of the words of one sentence."""
    for level in LEVELS:
        for place in range(each):
            key = (*root, subtask, level, place)
            rng = stream(*key)
            content = _scene(rng, subtask, level)
            text = captions(content)[0]
            texts = [text, *negatives(content, text, rng)]
            rng.shuffle(texts)
            yield Item(
                id=f"{subtask}-{level}-{place:03d}",
                images=(Graded(content, key, level),),
                texts=tuple(texts),
                query=Query.TEXT_RETRIEVAL,
                gold=(texts.index(text),),
                subtask=subtask,
                tags=(tag(level),),
            )


def aro(root: Key = ROOT, each: int = EACH) -> Iterator[Item]:
    """Yield `each` items a level of each of the four sub-tasks."""
    yield from text_questions(order, "vg_relation", root, each)
    yield from text_questions(binding, "vg_attribution", root, each)
    yield from order_questions("coco_order", root, each)
    yield from order_questions("flickr30k_order", root, each)
