"""How well a model in training does on scenes of its validation part, by sub-task and level.

The validation part has its own seed: none of its scenes is in training or in a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from gdbench.mini.graded import contrasts
from gdbench.mini.graded.items import aro, flickr30k, imagecode
from gdbench.mini.graded.questions import text_questions
from gdbench.mini.scenes import Key
from gdbench.protocol import Item
from training.first.probe import Pair, right

ROOT: Key = ("valid", 2)
Scorer = Callable[[list[Item]], list[Pair]]
_TWO_WAY = {
    "colour": contrasts.colour,
    "shape": contrasts.shape,
    "binding": contrasts.binding,
    "relation": contrasts.order,
}


def validation(each: int) -> Iterable[Item]:
    """Yield `each` items a level (an even number) of each sort that is probed."""
    for name, maker in _TWO_WAY.items():
        yield from text_questions(maker, name, ROOT, each)
    half = each // 2
    yield from flickr30k(ROOT, half)
    yield from (item for item in imagecode(ROOT, half) if item.subtask == "static")
    yield from (item for item in aro(ROOT, half) if item.subtask == "coco_order")


def figures(scorer: Scorer, each: int) -> dict[str, str]:
    """Return for each sub-task its accuracies at levels 1 to 3, in percent.

    For image retrieval that of naive scores follows after a bar.
    """
    items = list(validation(each))
    found: dict[tuple[str, str, int], list[bool]] = {}
    for item, scores in zip(items, scorer(items), strict=True):
        for name, score in zip(("naive", "normalised"), scores, strict=True):
            hits = found.setdefault((item.subtask, name, int(item.tags[-1][-1])), [])
            hits.append(right(item, score))
    table: dict[str, str] = {}
    for subtask in dict.fromkeys(item.subtask for item in items):
        lines = [
            " ".join(f"{100 * np.mean(found[subtask, name, level]):.0f}" for level in (1, 2, 3))
            for name in ("normalised", "naive")
        ]
        table[subtask] = lines[0] if lines[0] == lines[1] else " | ".join(lines)
    return table
