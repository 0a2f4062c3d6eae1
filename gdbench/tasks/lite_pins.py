"""Which items GDBench-lite has, held to: hashes in the package, and those of the first fetch.

Where the published annotations were at hand, the hash over the chosen ids is in the package. Of the
other tasks the first fetch pins it, in `lite-pins.json` below the data root; from then on another
choice is refused there, as one that differs from the package's is everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from gdbench.data.check import check
from gdbench.data.entry import Entry
from gdbench.data.loading import data_root
from gdbench.errors import InputError
from gdbench.protocol import Item
from gdbench.records import Compat
from gdbench.store import write_atomically
from gdbench.tasks.lite import VERSION, chosen, ids_sha256

SHIPPED = Path(__file__).with_name("lite_pins.json")
LOCAL = "lite-pins.json"
Pins = Mapping[str, Mapping[str, str]]
"""By task and sub-task the hash that the ids must have."""


def name_of(task: str, entry: Entry | None, compat: Compat | None) -> str:
    """What a task is called among the pins: the release's items are others in some."""
    differs = entry is not None and (entry.compat_expected is not None or entry.compat_parts)
    return f"{task} {compat}" if compat is not None and differs else task


@cache
def shipped() -> Pins:
    """The pins of the package."""
    found: dict[str, dict[str, str]] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return found


def local(root: Path) -> Pins:
    """The pins of the first fetch below a data root. Raises InputError where the file is broken."""
    path = root / LOCAL
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        good = {
            task: {str(name): str(digest) for name, digest in pins.items()}
            for task, pins in found[VERSION].items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise InputError(
            f"{path} is no file of pins; move it away, and `gdbench data lite` writes it anew"
        ) from None
    return good


def known(name: str, root: Path | None) -> dict[str, str]:
    """The pins of one task, the package's before those of the data root."""
    here = local(root) if root is not None else {}
    return {**here.get(name, {}), **shipped().get(name, {})}


def check_choice(name: str, items: Iterable[Item], root: Path | None) -> None:
    """Raise InputError where a choice is not the pinned one: the annotations are other ones."""
    pins = known(name, root)
    for subtask, digest in ids_sha256(items).items():
        if pins.get(subtask, digest) != digest:
            task = name.split(maxsplit=1)[0]
            raise InputError(
                f"task {task}, suite lite: the ids chosen of {subtask} are not those of "
                f"{VERSION}; `gdbench data check {task}` says what is missing or added"
            )


def keep(
    task: str, root: Path | None, entry: Entry, compat: Compat | None = None
) -> tuple[str, ...]:
    """Pin what is not pinned yet of a task that is whole, pictures apart; the sub-tasks pinned.

    Raises InputError where the items that are here are not those that were pinned.
    """
    found = check(task, root, compat, entry, verify="none")
    name = name_of(task, entry, compat)
    pins = local(found.root)
    expected = dict((compat and entry.compat_expected) or entry.expected)
    whole = found.n_items == expected if expected else found.items and not found.problems.blocking
    if not whole:
        return ()
    choice = chosen(found.items)
    check_choice(name, choice, found.root)
    mine = ids_sha256(choice)
    new = tuple(subtask for subtask in mine if subtask not in known(name, found.root))
    if new:
        kept = {**pins, name: {**pins.get(name, {}), **{s: mine[s] for s in new}}}
        text = json.dumps({VERSION: kept}, indent=2, sort_keys=True) + "\n"
        write_atomically(found.root / LOCAL, text.encode())
    return new


def root_of(root: Path | None, entry: Entry | None) -> Path | None:
    """The data root whose pins hold; None where there is none."""
    try:
        return data_root(root, entry.folders if entry else ())
    except InputError:
        return None
