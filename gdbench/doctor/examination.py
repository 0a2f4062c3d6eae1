"""The examination as a whole, in sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gdbench.doctor import devices, hub, places, versions
from gdbench.doctor.findings import Finding


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
    sections: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", versions.findings),
        ("devices", devices.findings),
        ("caches", places.caches),
        ("data", lambda: places.data(root)),
        ("hub", lambda: hub.findings(offline=offline)),
    )
    for title, look in sections:
        yield Section(title, tuple(look()))
