"""The paper's runtimes are of text retrieval alone: the task without its other half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from gdbench.data.flickr30k import items
from gdbench.mini.items import flickr30k as mini
from gdbench.protocol import Item
from gdbench.records import Compat
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task

SUBTASK = "text_retrieval"


def full_items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterator[Item]:
    """The published items of text retrieval; raises as every loader."""
    return _texts(items(root, compat, allow_partial=allow_partial))


def mini_items() -> Iterator[Item]:
    """Those of the mini suite."""
    return _texts(mini())


def _texts(found: Iterable[Item]) -> Iterator[Item]:
    return (item for item in found if item.subtask == SUBTASK)


def text_retrieval() -> Task:
    """Flickr30K with its text retrieval alone."""
    task = TASKS.get("flickr30k")
    suites = {"full": "full_items", "mini": "mini_items"}
    expected = {suite: {SUBTASK: task.expected[suite][SUBTASK]} for suite in suites}
    return replace(
        task,
        sources={suite: f"{__name__}:{name}" for suite, name in suites.items()},
        published=None if task.published is None else replace(
            task.published, expected=expected["full"], variants={},
        ),
        expected=expected,
    )  # fmt: skip
