"""Naive against normalised image retrieval: the paper's point, from its own runs."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.leaderboard.judged.published import Cited, Contrast, Measured, PublishedModel
from gdbench.metrics.proportions import share_difference

WAYS = {"none": "naive", "minus": "normalised", "ratio": "divided"}
"""How the error under the empty prompt enters a score, in the order of the plot."""


def contrasts(models: Sequence[PublishedModel], shown: Sequence[Measured]) -> tuple[Contrast, ...]:
    """Every model and budget of which both ways are published with n, largest budget first."""
    found = []
    for model in models:
        for measure in shown:
            by_steps: dict[int, dict[str, Cited]] = {}
            for cited in model.cells.get(measure.key, ()):
                way = WAYS.get(cited.figure.normalised or "")
                if cited.figure.direction == "image" and way and cited.steps and cited.figure.n:
                    by_steps.setdefault(cited.steps, {}).setdefault(way, cited)
            for steps, ways in by_steps.items():
                if {"naive", "normalised"} <= ways.keys():
                    ordered = tuple((w, ways[w]) for w in WAYS.values() if w in ways)
                    naive, normalised = ways["naive"], ways["normalised"]
                    n, m = naive.figure.n or 1, normalised.figure.n or 1
                    tested = share_difference(
                        (normalised.right or 0) / m, m, (naive.right or 0) / n, n
                    )
                    found.append(Contrast(model.name, steps, measure, ordered, tested))
    return tuple(sorted(found, key=lambda c: -c.steps))
