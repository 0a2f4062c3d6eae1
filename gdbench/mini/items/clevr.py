"""CLEVR in miniature: recognition, binding and position, one image and two texts."""

from __future__ import annotations

from collections.abc import Iterator

from gdbench.mini import contrasts
from gdbench.mini.questions import text_questions
from gdbench.protocol import Item

SUBTASKS: dict[str, contrasts.Maker] = {
    "recognition_color": contrasts.colour,
    "recognition_shape": contrasts.shape,
    "pair_binding_size": contrasts.size_binding,
    "pair_binding_color": contrasts.binding,
    "spatial": contrasts.spatial,
    "binding_color_shape": contrasts.shape_of_colour,
    "binding_shape_color": contrasts.colour_of_shape,
}


def clevr() -> Iterator[Item]:
    """Yield 100 items of each of the seven sub-tasks."""
    for subtask, maker in SUBTASKS.items():
        yield from text_questions(maker, subtask, 100, ("test", "clevr"))
