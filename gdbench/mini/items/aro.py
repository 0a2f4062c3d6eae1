"""ARO in miniature: relation, attribution and word order."""

from __future__ import annotations

import random
from collections.abc import Iterator

from gdbench.mini.actors import OBJECTS, SUBJECTS, Event
from gdbench.mini.captions import captions
from gdbench.mini.contrasts import binding, order
from gdbench.mini.corpus import any_event, any_pair
from gdbench.mini.picture import Drawn
from gdbench.mini.questions import text_questions
from gdbench.mini.scenes import Content, Pair
from gdbench.mini.seeding import stream
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES
from gdbench.protocol import Item, Query

# The words that ARO's perturbations call nouns and adjectives.
_CONTENT_WORDS = frozenset((*COLOUR_NAMES, *SHAPE_NAMES, *SUBJECTS, *OBJECTS))


def _shuffled(words: list[str], chosen: list[int], rng: random.Random) -> list[str]:
    moved = chosen[:]
    rng.shuffle(moved)
    result = words[:]
    for place, source in zip(chosen, moved, strict=True):
        result[place] = words[source]
    return result


def perturbations(text: str, rng: random.Random) -> list[str]:
    """Return ARO's four: content words, all others, trigrams, and words within trigrams."""
    words = text.split()
    content = [place for place, word in enumerate(words) if word in _CONTENT_WORDS]
    rest = [place for place in range(len(words)) if place not in content]
    trigrams = [words[start : start + 3] for start in range(0, len(words), 3)]
    order_of = trigrams[:]
    rng.shuffle(order_of)
    within = [rng.sample(trigram, len(trigram)) for trigram in trigrams]
    return [
        " ".join(_shuffled(words, content, rng)),
        " ".join(_shuffled(words, rest, rng)),
        " ".join(word for trigram in order_of for word in trigram),
        " ".join(word for trigram in within for word in trigram),
    ]


def negatives(content: Content, text: str, rng: random.Random) -> list[str]:
    """Return four different wrong orders of `text`, none of them a true caption of `content`."""
    true = {caption.replace("an ", "a ") for caption in (*captions(content), text)}
    found: list[str] = []
    for kind in range(4):
        for _ in range(100):
            wrong = perturbations(text, rng)[kind]
            if wrong.replace("an ", "a ") not in true and wrong not in found:
                found.append(wrong)
                break
        else:
            msg = f"no wrong order of {text!r}"
            raise AssertionError(msg)
    return found


def _order_questions(subtask: str, count: int) -> Iterator[Item]:
    for place in range(count):
        key = ("test", "aro", subtask, place)
        rng = stream(*key)
        content: Pair | Event = any_pair(rng) if subtask == "coco_order" else any_event(rng)
        text = captions(content)[0]
        texts = [text, *negatives(content, text, rng)]
        rng.shuffle(texts)
        yield Item(
            id=f"{subtask}-{place:03d}",
            images=(Drawn(content, key),),
            texts=tuple(texts),
            query=Query.TEXT_RETRIEVAL,
            gold=(texts.index(text),),
            subtask=subtask,
        )


def aro() -> Iterator[Item]:
    """Yield 100 items of each of the four sub-tasks."""
    yield from text_questions(order, "vg_relation", 100, ("test", "aro"))
    yield from text_questions(binding, "vg_attribution", 100, ("test", "aro"))
    yield from _order_questions("coco_order", 100)
    yield from _order_questions("flickr30k_order", 100)
