"""What is known of published data: where it comes from, how much it is, and what shape it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gdbench.protocol import Query


@dataclass(frozen=True)
class Shape:
    """The items of a sub-task, as far as their cost goes."""

    query: Query
    images: int
    """In an item."""
    texts: int
    """In an item."""
    pictures: int | None = None
    """Different ones in the whole sub-task; None: as many as the items show."""

    @property
    def normalised(self) -> bool:
        """Whether a diffusion model also needs the errors under the empty prompt."""
        return self.query is not Query.TEXT_RETRIEVAL

    def shown(self, n: int) -> int:
        """At most so many different pictures are in `n` items."""
        most = n * self.images
        return most if self.pictures is None else min(most, self.pictures)


@dataclass(frozen=True)
class HubSet:
    """A data set on the Hugging Face hub."""

    id: str
    revision: str | None
    split: str
    config: str | None = None
    gated: str = ""  # how to get access, where it is not open
    license: str = "not stated"
    patterns: tuple[str, ...] = ()  # files to fetch; empty: all
    moved: tuple[str, ...] = ()  # other ids of the same data, tried in order where it is gone

    @property
    def folder(self) -> str:
        """Where it is kept below the data root."""
        return f"hub/{self.id.replace('/', '--')}"


@dataclass(frozen=True)
class Download:
    """A file on a plain web server."""

    url: str
    target: str  # below the data root; an archive is unpacked into `unpack` and removed
    unpack: str = ""
    about: str = ""  # size, as far as known
    sha256: str = ""  # empty: not published; the hash of the first fetch is kept and compared
    license: str = "not stated"
    alternatives: tuple[str, ...] = ()  # further addresses, tried in order
    size: int | None = None  # bytes, where known; what is there decides

    def is_here(self, root: Path) -> bool:
        """Whether the file, or the folder its archive unpacks to, is below the root."""
        target = root / self.target
        if not self.unpack:
            return target.is_file()
        return (target.parent / target.name.split(".")[0]).is_dir()


HubRole = Literal["enough", "adds", "instead"]
"""What the hub's data sets are to a task: all of it, a part that is open nowhere else, or another
source of its pictures."""


@dataclass(frozen=True)
class Entry:
    """The published data of one task: the only place of its counts, terms and sources.

    A task that is a plug-in brings its own (`Task.published`).
    """

    expected: Mapping[str, int]  # items of each sub-task of the suite "full"
    usual: Mapping[str, int] = field(default_factory=dict)
    """Where nothing is fixed: how many items others have had, to estimate costs with."""
    compat_expected: Mapping[str, int] | None = None  # where the 2023 release's items differ
    variants: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # other suites
    parts: str = ""  # "package.module:PARTS", a sequence of `loading.Part`
    compat_parts: str = ""  # where the 2023 release has others
    folders: tuple[str, ...] = ()  # of the 2023 layout; any of them says that it is there
    license: str = ""
    downloads: tuple[Download, ...] = ()
    hub: tuple[HubSet, ...] = ()
    hub_role: HubRole = "instead"
    by_hand: tuple[str, ...] = field(default=())  # what cannot be fetched by a program, and how
    shapes: Mapping[str, Shape] = field(default_factory=dict)  # of each sub-task, all suites alike
