"""Metrics by level: those of a task over the items of each level alone.

They are no part of a record, and are computed where they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.metrics.measures import LEVEL, AnyMeasure
from gdbench.metrics.summary import summarise
from gdbench.protocol import Label, Matrix
from gdbench.records import Compat, MetricValue


def level_of(label: Label) -> int | None:
    """The level that an item's tags say, 1 being the easiest; None where they say none."""
    found = [tag.removeprefix(LEVEL) for tag in label.tags if tag.startswith(LEVEL)]
    return int(found[0]) if found and found[0].isdecimal() else None


def by_level(
    measures: Sequence[AnyMeasure],
    labels: Sequence[Label],
    matrices: Sequence[Matrix],
    compat: Compat | None = None,
) -> dict[int, tuple[MetricValue, ...]]:
    """The metrics of every level, in order, as `summarise` gives them for the level's items.

    `matrices[i]` has shape (n_images, n_texts) of `labels[i]`. Items without a level are left
    out; empty where no item has one.
    """
    places: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        if (level := level_of(label)) is not None:
            places.setdefault(level, []).append(place)
    return {
        level: summarise(
            measures,
            [labels[k] for k in places[level]],
            [matrices[k] for k in places[level]],
            compat=compat,
        )
        for level in sorted(places)
    }
