"""What models can do: capabilities, each with the sub-tasks that feed it.

A value is how much of the way from chance to perfect a model goes, averaged over the sub-tasks of
a capability: 0 at chance, 1 where everything is right, below 0 under chance. So sub-tasks with two
and with ten candidates count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gdbench.leaderboard.judged.board import Row
from gdbench.leaderboard.judged.capabilities import Capability, CapabilityTable, Key, Value
from gdbench.metrics.estimate import Estimate, mean_independent, of_metric

MOST_MODELS = 60
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


def capability_table(models: Sequence[tuple[str, Reader]]) -> CapabilityTable | None:
    """The table of the models, each with a name and what reads its numbers; None without any."""
    present = [k for c in CAPABILITIES for k in c.feeds if any(read(k) for _, read in models)]
    kept = [c for c in CAPABILITIES if any(k in present for k in c.feeds)]
    values = {
        name: tuple(capability(c, read, present) for c in kept)
        for name, read in models[:MOST_MODELS]
    }
    known = {name: found for name, found in values.items() if any(found)}
    if not known:
        return None
    columns = tuple(replace(c, feeds=tuple(k for k in c.feeds if k in present)) for c in kept)
    return CapabilityTable(columns, known, max(0, len(models) - MOST_MODELS))


def of_rows(rows: Sequence[Row]) -> CapabilityTable | None:
    """The table of a pool's models, variants left out."""
    return capability_table([(row.name, _reader(row)) for row in rows if not row.variant_of])


def _reader(row: Row) -> Reader:
    def read(key: Key) -> tuple[Estimate, float | None] | None:
        metric = row.metric(*key)
        return None if metric is None else (of_metric(metric), metric.chance)

    return read
