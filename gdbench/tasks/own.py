"""Own data as a task: the same road as published data, from items to record."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from gdbench.data.images import Verify
from gdbench.data.own.options import Ask, DataOptions
from gdbench.data.own.questions import IMAGE, TEXT
from gdbench.data.own.reading import OwnData, read_own
from gdbench.errors import DataProblemsError, InputError
from gdbench.metrics.labels import Labels
from gdbench.metrics.measures import (
    AllAbove,
    AnyMeasure,
    EffectSize,
    PairMatching,
    Recall,
    members,
)
from gdbench.protocol import Item, Query
from gdbench.tasks.base import Task, check_name
from gdbench.tasks.candidates import is_frozen, read_frozen
from gdbench.tasks.own_items import checked, fault_of

logger = logging.getLogger(__name__)
_FIVE = 5
_VERSION = 8  # hex digits
_MOST_TAGS = 20
_SHORT = {IMAGE: "image", TEXT: "text"}
_ASKS = {
    "negatives": "Own data: which of the captions, one right and others wrong, fits the picture?",
    "text": "Own data: find the caption of a picture among several.",
    "image": "Own data: find the picture of a caption among several.",
    "retrieval": "Own data: find the picture of a caption, and the caption of a picture, among "
    "several.",
    "pairs": "Own data: two pictures and two captions; match them.",
    "classes": "Own data: which class is it?",
    "association": "Own data: are the pictures of one group nearer to the first words than those "
    "of another? Positive: the first group is.",
}


def data_task(
    path: Path, options: DataOptions | None = None, *, root: Path | None = None,
    allow_partial: bool = False, taken: Sequence[str] = (),
) -> Task:  # fmt: skip
    """The task of own data.

    Args:
        path: a folder, or a file of captions, Parquet, tar shard or frozen candidates.
        options: which columns, what is asked.
        root: folder with the published data, for candidates of a task.
        allow_partial: leave out rows that are broken; a line in the log says how many.
        taken: names that are a task's already.

    Raises:
        DataProblemsError: something is wrong, with the list of all problems.
        InputError: there is no such path, or the name is taken.
    """
    options = options or DataOptions()
    data = read_data(path, options, root=root, verify="quick" if allow_partial else "none")
    name = _free_name(data.name, options, taken)
    problems = data.problems
    if problems.blocking and not (allow_partial and data.items):
        raise DataProblemsError(
            f"{name}: {problems.blocking:,} problems in {path}; `gdbench data check --data {path}` "
            "lists all" + (", --allow-partial evaluates what is whole" if data.items else ""),
            problems.rows,
        )
    if problems.rows:
        logger.warning(
            "%s: %d problems, %d of them leave something out; `gdbench data check --data %s` "
            "lists them", name, len(problems.rows), problems.blocking, path,
        )  # fmt: skip
    for note in problems.notes:
        logger.info("%s: %s", name, note)
    return task_of_data(data, name)


def own_task(
    name: str,
    items: Iterable[Item] | Callable[[], Iterable[Item]],
    *,
    title: str = "",
    description: str = "",
    measures: Sequence[AnyMeasure] = (),
    primary: Sequence[str] = (),
) -> Task:
    """A task from items of your own, for `gdbench.evaluate` or `--tasks file.py:TASK`.

    Args:
        name: letters, digits and `._+-`; none that a task has already.
        items: the questions, or a function that yields them. They are read here, once.
        title: for a table; default: the name.
        description: one sentence: what is tested.
        measures: what is computed; default: R@1 of each sub-task (and R@5 of six candidates or
            more), the scores of pairs, or the effect size of each two groups.
        primary: names of the measures whose mean is the task's score; they have to be given with
            measures of your own, and may be none.

    Raises:
        InputError: the name or an item is none; one line says which and why.
    """
    check_name(name)
    source = items if callable(items) else lambda: items
    found = tuple(checked(source, name))
    if not found:
        raise InputError(f"task {name}: no items")
    if isinstance(primary, str):
        raise InputError(f"task {name}: primary is a text, expected a list of names: [{primary!r}]")
    chosen, score_of = (tuple(measures), tuple(primary))
    labels = Labels(found)
    for measure in chosen:
        _check_measure(name, measure, labels)
    if not measures:
        chosen, score_of = measures_of(found, _ask_of(found))
    only_effects = all(isinstance(measure, EffectSize) for measure in chosen)
    return Task(
        name=name,
        version=version_of(found),
        title=title or name,
        description=description or "A task of one's own.",
        measures=chosen,
        primary=score_of,
        sources={"full": lambda: found},
        expected={"full": dict(Counter(item.subtask for item in found))},
        kind="bias" if only_effects else "extra",
    )


def _check_measure(task: str, measure: Any, labels: Labels) -> None:
    """Raise InputError for a measure of a user's own that measures none of the items."""
    subtasks = sorted({kind.subtask for kind in labels.kinds})
    if not isinstance(getattr(measure, "name", None), str):
        raise InputError(f"task {task}: {measure!r} is no measure, such as gdbench.Recall")
    where = f"task {task}: measure {measure.name!r}"
    if isinstance(measure, Recall | AllAbove):
        names: object = measure.subtasks
        if not isinstance(names, tuple):
            kind = type(names).__name__
            raise InputError(f"{where}: subtasks is of type {kind}, expected a tuple of names")
        if measure.k < 1:
            raise InputError(f"{where}: k is {measure.k}, expected 1 or more")
    if isinstance(measure, EffectSize):
        none = not {measure.first, measure.second} <= set(subtasks)
    else:
        none = not len(members(measure, labels)[0])
    if none:
        raise InputError(f"{where}: no item belongs to it; sub-tasks are {', '.join(subtasks)}")


def _ask_of(items: Sequence[Item]) -> Ask:
    """What items ask. Raises InputError where association stands beside other questions."""
    asks: dict[Query, Ask] = {Query.ASSOCIATION: "association", Query.MATCHING: "pairs"}
    found = {asks.get(item.query, "retrieval") for item in items}
    if len(found) > 1:
        raise InputError(
            f"items that ask different things ({', '.join(sorted(found))}): say measures="
        )
    return found.pop()


def read_data(
    path: Path,
    options: DataOptions,
    *,
    root: Path | None = None,
    verify: Verify = "none",
    looked: Callable[[], None] | None = None,
) -> OwnData:
    """Own data, or a file of frozen candidates about them or a task, whichever the path is."""
    if is_frozen(path):
        return read_frozen(path, options, root=root, verify=verify)
    return read_own(path, options, verify=verify, looked=looked)


def _free_name(name: str, options: DataOptions, taken: Sequence[str]) -> str:
    if name not in taken:
        return name
    if options.name is not None:
        raise InputError(f"--name {name}: there is a task of this name; choose another")
    return f"own-{name}"


def task_of_data(data: OwnData, name: str) -> Task:
    """The task of data without blocking problems. Raises InputError for an item that is none."""
    for item in data.items:
        wrong = fault_of(item)
        if wrong:
            raise InputError(f"{name}: item {item.id!r}: {wrong}")
    items = tuple(data.items)
    ask = data.ask or "retrieval"
    measures, primary = measures_of(items, ask)
    return Task(
        name=name,
        version=version_of(items),
        title=name,
        description=_ASKS[ask],
        measures=measures,
        primary=primary,
        sources={"full": lambda: items},
        expected={"full": data.n_items},
        kind="bias" if ask == "association" else "extra",
        notes=("Data of one's own: no part of the GDBench score.", *data.problems.notes),
    )


def version_of(items: Sequence[Item]) -> str:
    """A hash of all questions but for the pictures, which the manifest's hash has."""
    digests = sorted(
        hashlib.sha256(
            repr((i.id, i.query.value, i.gold, i.subtask, i.cluster, i.tags, i.texts,
                  len(i.images))).encode("utf-8", "surrogatepass")
        ).digest()
        for i in items
    )  # fmt: skip
    return hashlib.sha256(b"".join(digests)).hexdigest()[:_VERSION]


def measures_of(items: Sequence[Item], ask: Ask) -> tuple[tuple[AnyMeasure, ...], tuple[str, ...]]:
    """The measures that fit the questions, and the names of those whose mean is the score."""
    subtasks = tuple(sorted({item.subtask for item in items}))
    if ask == "association":
        return tuple(EffectSize(f"{a}_{b}", a, b) for a, b in combinations(subtasks, 2)), ()
    if ask == "pairs":
        return _matching(items), ("text", "image", "group")
    if ask == "classes" and len(subtasks) == 1:
        by_class = Recall("accuracy_macro", subtasks, by="tag")
        return (Recall("accuracy", subtasks), by_class), ("accuracy",)
    return _retrieval(items, ask, subtasks)


def _tags(items: Sequence[Item]) -> list[str]:
    tags = sorted({tag for item in items for tag in item.tags})
    return tags if 1 < len(tags) <= _MOST_TAGS else []


def _matching(items: Sequence[Item]) -> tuple[AnyMeasure, ...]:
    parts = ("text", "image", "group")
    whole = tuple(PairMatching(part, part) for part in parts)  # type: ignore[arg-type] # three literals
    return (
        *whole,
        *(
            PairMatching(f"{part}_{tag}", part, tag)  # type: ignore[arg-type] # as above
            for tag in _tags(items)
            for part in parts
        ),
    )


def _retrieval(
    items: Sequence[Item], ask: Ask, subtasks: tuple[str, ...]
) -> tuple[tuple[AnyMeasure, ...], tuple[str, ...]]:
    """R@1 of each sub-task, R@5 where there are more than five candidates, and their means."""
    measures: list[AnyMeasure] = []
    first: list[str] = []
    for subtask in subtasks:
        own = [item for item in items if item.subtask == subtask]
        name = _SHORT.get(subtask, subtask) if len(subtasks) > 1 else ""
        first.append(f"{name}_r1".lstrip("_"))
        measures.append(Recall(first[-1], (subtask,)))
        if ask != "classes" and min(max(len(i.images), len(i.texts)) for i in own) > _FIVE:
            measures.append(Recall(f"{name}_r5".lstrip("_"), (subtask,), k=5))
    if len(subtasks) > 1 and subtasks != (IMAGE, TEXT):
        measures += [Recall("micro", subtasks), Recall("macro", subtasks, by="subtask")]
        first = ["macro"]
    if ask != "classes" and len({i.tags for i in items}) > 1 and all(i.tags for i in items):
        measures.append(Recall("macro_tags", subtasks, by="tag"))
    return tuple(measures), tuple(first)
