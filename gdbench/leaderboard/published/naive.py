"""Naive against normalised image retrieval: the paper's point, from its own runs."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.published.collection import Collection
from gdbench.leaderboard.published.figures import Cited
from gdbench.leaderboard.published.measures import Measured
from gdbench.leaderboard.published.sentences import number
from gdbench.leaderboard.published.verdicts import LEVEL
from gdbench.metrics.proportions import share_difference
from gdbench.numbers import SHARE, value_text

WAYS = {"none": "naive", "minus": "normalised", "ratio": "divided"}
"""How the error under the empty prompt enters a score, in the order of the plot."""


@dataclass(frozen=True)
class Contrast:
    """One model and budget, scored in several ways."""

    model: str
    steps: int
    measure: Measured
    ways: tuple[tuple[str, Cited], ...]
    """What was done with the error under the empty prompt, and the number; naive first."""

    @property
    def sentence(self) -> str:
        """What naive scores find, what normalised ones do, and whether that is a difference."""
        found = dict(self.ways)
        naive, normalised = found["naive"], found["normalised"]
        n, m = naive.figure.n or 1, normalised.figure.n or 1
        test = share_difference((naive.right or 0) / n, n, (normalised.right or 0) / m, m)
        ends = naive.estimate.bounds
        chance = self.measure.chance
        floor = ", which is chance" if chance and ends and ends[0] <= chance <= ends[1] else ""
        return (
            f"{self.model}, {self.steps} timesteps: by the bare error {number(naive)} find the "
            f"right picture of ten{floor}; with the error under the empty prompt subtracted "
            f"{number(normalised)}: {'a difference' if test.p_value <= LEVEL else 'undecided'}. "
            f"Chance is {value_text(chance, SHARE)}."
        )


def contrasts(collection: Collection) -> tuple[Contrast, ...]:
    """Every model and budget of which both ways are published with n, largest budget first."""
    found = []
    for model in collection.models:
        for measure in collection.shown:
            by_steps: dict[int, dict[str, Cited]] = {}
            for cited in model.cells.get(measure.key, ()):
                way = WAYS.get(cited.figure.normalised or "")
                if cited.figure.direction == "image" and way and cited.steps and cited.figure.n:
                    by_steps.setdefault(cited.steps, {}).setdefault(way, cited)
            for steps, ways in by_steps.items():
                if {"naive", "normalised"} <= ways.keys():
                    ordered = tuple((w, ways[w]) for w in WAYS.values() if w in ways)
                    found.append(Contrast(model.name, steps, measure, ordered))
    return tuple(sorted(found, key=lambda c: -c.steps))
