"""One finding of an examination, and the examination as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "note", "fail"]
"""`ok`; `note`: something is not there that many do without; `fail`: gdbench cannot work so."""


@dataclass(frozen=True)
class Finding:
    """What was seen, and what to do about it."""

    state: State
    text: str
    advice: str = ""
    """A whole sentence; empty where there is nothing to do."""

    def as_json(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)


@dataclass(frozen=True)
class Section:
    """Findings of one kind."""

    title: str
    findings: tuple[Finding, ...]


def examine(root: Path | None, *, offline: bool = False) -> Iterator[Section]:
    """The sections of an examination, each as soon as it is known.

    Args:
        root: folder with the published data; None: the usual one.
        offline: whether the hub is not asked for anything.
    """
    from gdbench.doctor import devices, hub, places, versions

    sections: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", versions.findings),
        ("devices", devices.findings),
        ("caches", places.caches),
        ("data", lambda: places.data(root)),
        ("hub", lambda: hub.findings(offline=offline)),
    )
    for title, look in sections:
        yield Section(title, tuple(look()))
