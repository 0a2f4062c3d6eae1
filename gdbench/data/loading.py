"""From a data root to canonical items: one reader for each part of a task and layout.

A task consists of parts (one annotation file or hub data set each). Readers yield items and note
problems; `load` raises them, `gdbench data check` lists them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gdbench.data.catalogue import CATALOGUE, Entry, HubSet, entry_of
from gdbench.data.hub import HubRows
from gdbench.data.images import Verify
from gdbench.data.problems import Problems
from gdbench.data.strangers import script_based, strangers
from gdbench.data.tree import Tree
from gdbench.errors import InputError
from gdbench.protocol import Item
from gdbench.records import Compat

FOLDER_LAYOUT = "gdbench-2023"
HUB_LAYOUT = "hub"
MISSING = "missing"


@dataclass
class Source:
    """A data root that is being read for one task."""

    task: str
    root: Path
    compat: Compat | None
    problems: Problems
    tree: Tree
    entry: Entry
    """What is known of the task as published."""

    def hub_rows(
        self, hub: HubSet, *, config: str | None = None, split: str | None = None
    ) -> HubRows | None:
        """Rows of a hub data set below the root; None after a problem."""
        script = script_based(hub, self.tree)
        if script:
            self.problems.add(hub.folder, "", script)
            return None
        return HubRows.open(
            self.root, hub, self.problems, config=config, split=split, verify=self.tree.verify
        )

    @property
    def expected(self) -> dict[str, int]:
        """Number of items of each sub-task, where it is fixed."""
        if self.compat is not None and self.entry.compat_expected is not None:
            return dict(self.entry.compat_expected)
        return dict(self.entry.expected)


@dataclass(frozen=True)
class Part:
    """One annotation file, or the hub data set in its place.

    `files` are the places where the file may lie in the 2023 layout, the usual one first. A
    `frozen` hub set wins over the folder: it carries negatives that were drawn once for all.
    """

    files: tuple[str, ...]
    read: Callable[[Source, str], Iterator[Item]]
    hub: HubSet | None = None
    read_hub: Callable[[Source, HubRows], Iterator[Item]] | None = None
    frozen: bool = False

    def layout(self, source: Source) -> str:
        """Which layout this part is present in."""
        here = source.tree.first(*self.files) is not None
        on_hub = self.hub is not None and source.tree.has(self.hub.folder)
        if on_hub and (self.frozen or not here):
            return HUB_LAYOUT
        return FOLDER_LAYOUT if here else MISSING

    def items(self, source: Source) -> Iterator[Item]:
        """The items of this part; a missing file is a problem."""
        layout = self.layout(source)
        if layout == HUB_LAYOUT and self.hub is not None and self.read_hub is not None:
            rows = source.hub_rows(self.hub)
            if rows is not None:
                yield from self.read_hub(source, rows)
            return
        path = source.tree.first(*self.files)
        if path is None:
            path = self.files[0]
            source.problems.add(path, "", source.tree.missing(path))
            return
        yield from self.read(source, path)


@dataclass
class Found:
    """What was read of one task."""

    task: str
    layout: str
    root: Path
    items: list[Item] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)

    @property
    def n_items(self) -> dict[str, int]:
        """Number of items of each sub-task, in the order of the items."""
        return dict(Counter(item.subtask for item in self.items))


def default_root() -> Path:
    """Where data lies without --root: `$GDBENCH_DATA`, else `~/.cache/gdbench/data`."""
    home = os.environ.get("GDBENCH_DATA", "")
    return Path(home) if home else Path.home() / ".cache" / "gdbench" / "data"


def data_root(root: Path | None, folders: Sequence[str] = ()) -> Path:
    """The folder with the task folders: `root`, or its `data` or `datasets` where they lie there.

    Without `root` it is `default_root()`. `folders` are those of a plug-in.

    Raises:
        InputError: There is no such folder.
    """
    if root is None:
        root = default_root()
        if not root.is_dir():
            raise InputError(
                f"no data at {root}: give --root (or set GDBENCH_DATA), run `gdbench data fetch`, "
                "or try the bundled suite first: --suite mini"
            )
    if not root.is_dir():
        raise InputError(f"--root {root} is not a folder; --suite mini needs no data")
    known = {folder for entry in CATALOGUE.values() for folder in (*entry.folders, "hub")}
    known.update(folders)
    for inner in (root, root / "data", root / "datasets"):
        if any((inner / name).exists() for name in known):
            return inner
    return root


def read(
    task: str,
    parts: Sequence[Part],
    root: Path | None,
    compat: Compat | None = None,
    entry: Entry | None = None,
    *,
    verify: Verify = "none",
    counts: bool = True,
    expected: Mapping[str, int] | None = None,
    looked: Callable[[], None] | None = None,
    count_absent: bool = False,
) -> Found:
    """All items and all problems of a task below a root; `verify`: see `Verify`.

    With `count_absent` items whose folder of pictures is not there are counted too (see `Tree`).
    `looked` is called for each picture that is looked at. `entry`: of a plug-in.
    """
    entry = entry_of(task, entry)
    problems = Problems()
    where = data_root(root, entry.folders)
    tree = Tree(where, problems, verify=verify, looked=looked, count_absent=count_absent)
    source = Source(task, where, compat, problems, tree, entry)
    problems.notes += strangers(task, entry.folders, tree)
    layouts = sorted({part.layout(source) for part in parts} - {MISSING})
    names = {name.lower() for name in source.tree.names("")}
    if not layouts and not names.intersection(source.entry.folders):
        return Found(task, MISSING, where, problems=problems)
    found = Found(task, "+".join(layouts) or FOLDER_LAYOUT, where, problems=problems)
    seen: set[str] = set()
    for part in parts:
        for item in part.items(source):
            if item.id in seen:
                problems.add(item.subtask, item.id, "two items have this id: a repeated entry")
                continue
            seen.add(item.id)
            found.items.append(item)
    tree.note_absent()
    if counts:
        _check_counts(source, found, source.expected if expected is None else expected)
    return found


def _check_counts(source: Source, found: Found, expected: Mapping[str, int]) -> None:
    have = found.n_items
    for subtask, published in expected.items():
        n = have.get(subtask, 0)
        if n != published:
            source.problems.add(
                subtask, "", f"{n:,} items that are whole, {published:,} as published"
            )
    if not found.items and not source.problems.blocking:
        source.problems.add(source.task, "", "no items")


def load(
    task: str,
    parts: Sequence[Part],
    root: Path | None,
    compat: Compat | None,
    *,
    allow_partial: bool,
    expected: Mapping[str, int] | None = None,
    entry: Entry | None = None,
) -> list[Item]:
    """The items of a task; `expected` where a variant has other counts; `entry`: of a plug-in.

    Raises:
        DataProblemsError: Something is missing or broken, with the list of all problems. With
            `allow_partial` the entries that are whole are returned (no
            picture is cut) and the error is raised only where nothing is left.
    """
    found = read(
        task,
        parts,
        root,
        compat,
        entry,
        verify="quick" if allow_partial else "none",
        expected=expected,
    )
    if found.layout == MISSING:
        raise InputError(
            f"no data of task {task} in {found.root}; `gdbench data status {task}` says where it "
            f"comes from, `gdbench data fetch {task} --root {found.root}` gets what is open"
        )
    if not allow_partial or not found.items:
        found.problems.raise_blocking(task, found.root)
    return found.items
