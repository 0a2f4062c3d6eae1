"""Pictures in a folder of a stranger's: listed once, never looked at one by one.

A folder may hold a million of them. Listing it asks for names alone, and what is a folder or a
link comes with the name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gdbench.data.images import FileImage
from gdbench.data.own.rows import Reader
from gdbench.data.tree import PICTURES
from gdbench.errors import InputError

ENDINGS = (*PICTURES, ".tif", ".tiff")
MOST_FILES = 5_000_000
"""In one folder; more are no data set that anybody evaluates."""
_DEEPEST = 8
_ODD = re.compile(r"[\x00-\x1f\x7f]")


@dataclass
class Listing:
    """Names in one folder."""

    files: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    links: set[str] = field(default_factory=set)

    @cached_property
    def by_lower(self) -> dict[str, str]:
        """File names by their lower-case form."""
        return {name.lower(): name for name in (*self.files, *self.links)}

    def has(self, name: str) -> bool:
        """Whether a file of exactly this name is there."""
        return name in self.files or name in self.links


class Pictures:
    """Finds pictures below a folder by the names that rows give."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._real = reader.root.resolve()
        self._listings: dict[str, Listing | None] = {}
        self._base: str | None = None

    def listing(self, folder: str) -> Listing | None:
        """What is in a folder below the root, hidden files left out; None where it is not there."""
        if folder not in self._listings:
            self._listings[folder] = self._scan(folder)
        return self._listings[folder]

    def _scan(self, folder: str) -> Listing | None:
        above, _, name = folder.rpartition("/")
        if folder and (inside := self.listing(above)) is not None and name in inside.links:
            problem = "is a link to a folder, which is not followed; put a copy inside"
            self.reader.problems.add(folder, "", problem)
            return None
        found = Listing()
        try:
            with os.scandir(self.reader.root / folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        self._sort(entry, found)
                    if len(found.files) > MOST_FILES:
                        problem = f"more than {MOST_FILES:,} files in one folder"
                        raise InputError(f"{self.reader.root / folder}: {problem}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.reader.problems.add(folder or ".", "", f"cannot be listed ({error.strerror})")
            return None
        found.folders.sort()
        return found

    def _sort(self, entry: os.DirEntry[str], found: Listing) -> None:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            problem = "the file's name is not UTF-8"
            self.reader.problems.add(".", ascii(entry.name), problem)
            return
        if entry.is_symlink():
            found.links.add(entry.name)
        elif entry.is_dir(follow_symlinks=False):
            found.folders.append(entry.name)
        else:
            found.files.add(entry.name)

    def below(self, folder: str, depth: int = 0) -> Iterator[str]:
        """Sorted paths of all pictures below a folder of the root."""
        inside = self.listing(folder)
        if inside is None:
            return
        prefix = f"{folder}/" if folder else ""
        names = (n for n in (*inside.files, *inside.links) if n.lower().endswith(ENDINGS))
        yield from (prefix + name for name in sorted(names))
        if depth < _DEEPEST:
            for name in inside.folders:
                yield from self.below(prefix + name, depth + 1)

    def choose_base(self, names: list[str]) -> None:
        """Find out below which folder the rows' names are: the root, or one of its folders.

        That is the one with the most of them, the root where none is better.
        """
        top = self.listing("")
        if top is None:
            return
        plain = [name.removeprefix("./") for name in names if not fault_of(name)]
        scored = []
        for place, folder in enumerate(("", *top.folders)):
            scored.append((-sum(self._is_there(folder, name) for name in plain), place, folder))
            if -scored[-1][0] == len(plain):
                break
        most, _, self._base = min(scored)
        if self._base and most:
            self.reader.problems.notes.append(f"the pictures are in {self._base}/")

    def _is_there(self, base: str, name: str) -> bool:
        folder, _, last = f"{base}/{name}".removeprefix("/").rpartition("/")
        inside = self.listing(folder) if self._may_hold(folder) else None
        return inside is not None and inside.has(last)

    def _may_hold(self, folder: str) -> bool:
        """Whether a folder is known to be there, so that asking for it lists nothing in vain."""
        above, _, name = folder.rpartition("/")
        if not folder or folder in self._listings:
            return True
        if not self._may_hold(above):
            return False
        inside = self.listing(above)
        return inside is not None and name in inside.folders

    def find(self, name: str, file: str, place: str) -> FileImage | None:
        """The picture that a row names; None after a problem."""
        add = self.reader.problems.add
        wrong = fault_of(name)
        if wrong:
            add(file, f"{place}: {name!r}", wrong)
            return None
        base = f"{self._base}/" if self._base else ""
        path = base + name.removeprefix("./")
        folder, _, last = path.rpartition("/")
        inside = self.listing(folder)
        if inside is None or not inside.has(last):
            add(file, f"{place}: {name}", _missing(inside, last))
            return None
        self.reader.used.add(path)
        return self.picture(path, file, f"{place}: {name}", linked=last in inside.links)

    def picture(self, path: str, file: str, entry: str, *, linked: bool) -> FileImage | None:
        """A picture that is there; None after a problem with it."""
        found = FileImage(self.reader.root / path, self.reader.root)
        if linked:
            wrong = self._link_fault(self.reader.root / path)
            if wrong:
                self.reader.problems.add(file, entry, wrong)
                return None
        return found if look(self.reader, found, str(found.path), file, entry) else None

    def _link_fault(self, path: Path) -> str:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return "is a link that leads nowhere"
        if not real.is_relative_to(self._real):
            return "is a link out of the folder; put a copy inside"
        return "" if real.is_file() else "is a link to what is no file"

    def note_unused(self) -> None:
        """Pictures beside those that rows name, and archives that are still packed."""
        folders = {path.rpartition("/")[0] for path in self.reader.used} or {""}
        for folder in sorted(folders):
            inside = self.listing(folder) or Listing()
            prefix = f"{folder}/" if folder else ""
            for name in sorted((*inside.files, *inside.links)):
                if name.lower().endswith(ENDINGS) and prefix + name not in self.reader.used:
                    self.reader.problems.add(
                        folder or ".", name, "no row names this picture", blocking=False
                    )


def look(reader: Reader, image: FileImage, name: str, file: str, entry: str) -> bool:
    """Whether a picture can be used, as far as `verify` asks; False after a problem."""
    if reader.verify == "none":
        return True
    if reader.looked is not None:
        reader.looked()
    try:
        if reader.verify == "full" or not image.looks_whole():
            image.open()
    except InputError as error:
        reader.problems.add(file, entry, str(error).replace(f"{name}: ", ""))
        return False
    return True


def fault_of(name: str) -> str:
    """Why a name cannot be that of a picture below the folder; empty: it may be."""
    parts = name.split("/")
    if not name.strip():
        return "names no picture"
    if "\\" in name:
        return r"has a backslash; write folders with /"
    if name.startswith(("/", "~")) or ".." in parts or re.match(r"[A-Za-z]:", name):
        return "leads out of the folder; give paths below it"
    if "://" in name:
        return "is an address; pictures are files below the folder"
    if _ODD.search(name):
        return "has a control character in its name"
    return ""


def _missing(inside: Listing | None, name: str) -> str:
    if inside is None:
        return "names a folder that is not there"
    other = inside.by_lower.get(name.lower())
    if other is not None:
        return "names a file that is there in other capital letters (names are exact)"
    if "." not in name and any(inside.has(name + ending) for ending in ENDINGS):
        return "names no file; its ending, such as .jpg, is missing"
    return "names no file"
