"""Where each part of the published data comes from, and whether it is here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from gdbench.data.catalogue import Entry, entry_of
from gdbench.data.loading import default_root


@dataclass(frozen=True)
class PartState:
    """One file or hub data set of a task."""

    task: str
    source: str  # address or hub id
    revision: str  # of a hub data set; empty: the first fetch pins it
    here: bool
    about: str  # size, as far as known
    license: str
    access: str  # "open", or how to get access

    def as_json(self) -> dict[str, object]:
        """For --json."""
        return asdict(self)


def part_states(task: str, root: Path | None, entry: Entry | None = None) -> list[PartState]:
    """The parts of a task; `entry`: of a plug-in.

    Raises UnknownNameError for a task without published data.
    """
    entry = entry_of(task, entry)
    where = default_root() if root is None else root
    states = [
        PartState(
            task,
            f"hub: {part.id}",
            part.revision or "",
            (where / part.folder).is_dir(),
            "",
            part.license,
            part.gated or "open",
        )
        for part in entry.hub
    ]
    for file in entry.downloads:
        here = file.is_here(where)
        terms = file.license if file.license != "not stated" else entry.license
        states.append(PartState(task, file.url, "", here, file.about, terms, "open"))
    states.extend(
        PartState(task, words, "", False, "", entry.license, "by hand")  # noqa: FBT003 # `here`
        for words in entry.by_hand
    )
    return states
