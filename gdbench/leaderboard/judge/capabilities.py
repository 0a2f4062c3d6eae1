"""What models can do: capabilities, each with the sub-tasks that feed it.

A value is how much of the way from chance to perfect a model goes, averaged over the sub-tasks of
a capability: 0 at chance, 1 where everything is right, below 0 under chance. So sub-tasks with two
and with ten candidates count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gdbench.metrics.estimate import Estimate, mean_independent
from gdbench.tasks.base import Task

Key = tuple[str, str]
"""Task and metric."""


@dataclass(frozen=True)
class Capability:
    """One column of the view."""

    name: str
    about: str
    feeds: tuple[Key, ...]


CAPABILITIES = (
    Capability("Whole scenes", "Find the caption of a picture and the picture of a caption.",
               (("flickr30k", "image_r1"), ("flickr30k", "text_r1"))),
    Capability("Objects", "What is there: subjects, objects, shapes.",
               (("svo", "subj"), ("svo", "obj"), ("clevr", "recognition_shape"),
                ("sugarcrepe", "obj"), ("selfbench", "single_object"),
                ("selfbench", "two_object"))),
    Capability("Attributes", "What colour it has.",
               (("clevr", "recognition_color"), ("sugarcrepe", "att"), ("selfbench", "colors"))),
    Capability("Binding", "Which of several things has which attribute.",
               (("aro", "vg_attribution"), ("clevr", "pair_binding_size"),
                ("clevr", "pair_binding_color"), ("clevr", "binding_color_shape"),
                ("clevr", "binding_shape_color"), ("cola", "text"), ("cola", "image"),
                ("selfbench", "color_attr"))),
    Capability("Relations", "Who does what to whom, and where things stand.",
               (("aro", "vg_relation"), ("svo", "verb"), ("clevr", "spatial"),
                ("sugarcrepe", "rel"), ("selfbench", "position"))),
    Capability("Word order", "The caption against the same words in another order.",
               (("aro", "coco_order"), ("aro", "flickr30k_order"))),
    Capability("Composition", "Two pictures, two captions of the same words: match them.",
               (("winoground", "text"), ("winoground", "image"), ("winoground", "group"))),
    Capability("Counting", "How many.", (("selfbench", "counting"),)),
    Capability("Fine kinds", "Breeds, and one of ten pictures that differ in a detail.",
               (("pets", "accuracy"), ("imagecode", "static_r1"), ("imagecode", "video_r1"))),
)  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A model on a capability."""

    estimate: Estimate
    n: int
    """Sub-tasks that feed it here, of those that any model of the table has."""
    of: int


Reader = Callable[[Key], tuple[Estimate, float | None] | None]
"""A model's number of a sub-task and what chance is; None where it has none."""


def raised(estimate: Estimate, chance: float) -> Estimate:
    """The way from chance to perfect that a share (0..1) and its interval go."""

    def way(value: float) -> float:
        return (value - chance) / (1 - chance)

    ends = estimate.bounds
    low, high = (None, None) if ends is None else (way(ends[0]), way(ends[1]))
    return Estimate(way(estimate.value), low, high)


def capability(which: Capability, read: Reader, present: Sequence[Key]) -> Value | None:
    """A model's value, from the sub-tasks that it has; None without any."""
    feeds = [key for key in which.feeds if key in present]
    found = [
        raised(number[0], number[1])
        for key in feeds
        if (number := read(key)) is not None and number[1] is not None and number[1] < 1
    ]
    return Value(mean_independent(found), len(found), len(feeds)) if found else None


def words_of(key: Key, tasks: Mapping[str, Task], label: Callable[[str], str]) -> str:
    """A sub-task for a person."""
    task, metric = key
    title = tasks[task].title if task in tasks else task
    return title if metric in ("accuracy", "micro") else f"{title} {label(metric)}"
