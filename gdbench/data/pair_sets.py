"""Sets of the hub whose rows are two pictures and two captions, as Winoground's are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from gdbench.data.entry import HubSet
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query

SUBTASK = "pairs"


@dataclass(frozen=True)
class PairColumns:
    """The columns of such a set, the first picture's caption first."""

    texts: tuple[str, str]
    images: tuple[str, str]
    tags: tuple[str, ...] = ()


def pair_part(task: str, hub: HubSet, columns: PairColumns) -> Part:
    """The one part of a task that is published on the hub alone."""
    return Part((f"{task}/data.json",), partial(nothing, task), hub, partial(_pairs, task, columns))


def nothing(task: str, source: Source, path: str) -> Iterator[Item]:
    """No item: pictures and captions are published together, on the hub."""
    source.problems.add(path, "", f"fetch the set from the hub: `gdbench data fetch {task}`")
    yield from ()


def _pairs(task: str, columns: PairColumns, source: Source, rows: HubRows) -> Iterator[Item]:
    wanted = (*columns.texts, *columns.tags)
    for index, found in rows.texts(*wanted):
        entry = f"row {index}"
        row = fields(found, dict.fromkeys(wanted, str), rows.file, entry, source.problems)
        if row is None:
            continue
        texts = tuple(row[name] for name in columns.texts)
        if texts[0] == texts[1]:
            source.problems.add(rows.file, entry, f"both captions are {texts[0]!r}")
            continue
        images = [rows.image(index, name) for name in columns.images]
        whole = tuple(image for image in images if image is not None)
        if len(whole) == len(images):
            yield Item(
                id=f"{task}/{index}",
                images=whole,
                texts=texts,
                query=Query.MATCHING,
                gold=(0, 1),
                subtask=SUBTASK,
                tags=tuple(row[name] for name in columns.tags),
            )
