"""Suites in words: a set of drawn scenes is never shown under the name of a published data set."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.words import shorten
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class SuiteWords:
    """How a suite is shown."""

    title: str
    about: str
    """What its numbers mean, on every page that shows them."""
    suffix: str = ""
    """What follows the name of a task, where its items are not the published ones."""


_SUITES = {
    "full": SuiteWords("GDBench, full suite", "The published data sets, all items."),
    "mini2": SuiteWords(
        "GDBench-mini2",
        "Drawn scenes, 64 px, at three levels each. The suite shows that the harness measures "
        "what it should; its numbers are not comparable with those of the published data sets, "
        "nor with those of version 1.",
        "-mini2",
    ),
    "mini": SuiteWords(
        "GDBench-mini",
        "Drawn scenes, 64 px. The suite shows that the harness measures what it should; its "
        "numbers are not comparable with those of the published data sets.",
        "-mini",
    ),
}


def suite_words(suite: str) -> SuiteWords:
    """A suite's words; one that nobody has described is called by its name."""
    if suite in _SUITES:
        return _SUITES[suite]
    name = shorten(suite, 40)
    return SuiteWords(f"Suite {name}", f"The items of the suite {name}, not those of GDBench.")


def task_title(task: Task, suite: str) -> str:
    """A task's name in a suite: `Winoground-mini` is not Winoground."""
    return f"{task.title}{suite_words(suite).suffix}"
