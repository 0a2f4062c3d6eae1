"""Reading a tree of files that somebody else has put together, noting every problem."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from gdbench.data.images import Box, FileImage, Verify
from gdbench.data.problems import Problems
from gdbench.errors import InputError

T = TypeVar("T")
MAX_ANNOTATION_BYTES = 2_000_000_000
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
_KINDS: Mapping[type, str] = {dict: "an object", list: "a list", str: "a string", int: "an integer"}


_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # escapes of characters beyond 16 bits, in halves


class _DuplicateKeyError(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return found


class Tree:
    """Files below `root`; names are compared exactly, on every file system.

    `verify` looks at each picture once, so that a damaged one is found before it is needed, and
    calls `looked` each time. Pictures of a folder that is not there at all are one problem, noted
    by `note_absent`; with `count_absent` they are given out as if they were there, so that
    annotations can be counted before the pictures are fetched.
    """

    def __init__(
        self,
        root: Path,
        problems: Problems,
        *,
        verify: Verify = "none",
        looked: Callable[[], None] | None = None,
        count_absent: bool = False,
    ) -> None:
        self.root = root
        self.count_absent = count_absent
        self._absent: dict[str, set[str]] = {}  # folder -> its pictures
        self.problems = problems
        self.verify = verify
        self._looked = looked
        self.used: set[str] = set()
        self._real_root = root.resolve()
        self._listings: dict[str, dict[str, os.DirEntry[str]] | None] = {}
        self._pictures: dict[str, FileImage | str] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def names(self, folder: str) -> list[str]:
        """Sorted names in a folder that may be missing; hidden files are left out."""
        listing = self._listing(folder) or {}
        return sorted(name for name in listing if not name.startswith("."))

    def has(self, path: str) -> bool:
        """Whether a file or folder of exactly this name is there."""
        folder, _, name = path.rpartition("/")
        return name in (self._listing(folder) or {})

    def first(self, *paths: str) -> str | None:
        """The first of these paths that is there."""
        return next((path for path in paths if self.has(path)), None)

    def missing(self, path: str) -> str:
        """Why `path` cannot be found, in words; the nearest wrongly written name is shown."""
        here = ""
        for part in PurePosixPath(path).parts:
            listing = self._listing(here)
            if listing is None or part not in listing:
                other = next((n for n in listing or {} if n.lower() == part.lower()), None)
                where = f"{here}/" if here else ""
                if other is not None:
                    return f"found {where}{other}, expected {where}{part} (names are exact)"
                return f"{where}{part} does not exist"
            here = f"{here}/{part}" if here else part
        return f"{path} does not exist"

    def json(self, path: str, kind: type[T]) -> T | None:
        """The content of a JSON file whose outermost value is of `kind`; None after a problem."""
        text = self.text(path)
        if text is None:
            return None
        try:
            found = json.loads(text, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            self.problems.add(path, where, f"not JSON: {error.msg}")
        except _DuplicateKeyError as error:
            self.problems.add(path, str(error), "this key stands twice in one object")
            return self._without_duplicates(text, kind)
        except RecursionError:
            self.problems.add(path, "", "not JSON that can be read: nested too deeply")
        else:
            if _HALF.search(text) and not _is_text(found):
                self.problems.add(path, "", r"holds half of a character (a lone \ud8.. escape)")
                return None
            if isinstance(found, kind):
                return found
            expected = _KINDS[kind]
            self.problems.add(path, "", f"expected {expected}, found {_name(found)}")
        return None

    def _without_duplicates(self, text: str, kind: type[T]) -> T | None:
        found = json.loads(text)
        return found if isinstance(found, kind) and _is_text(found) else None

    def text(self, path: str) -> str | None:
        """The content of a UTF-8 file; None after a problem."""
        real = self._inside(path)
        if real is None:
            return None
        try:
            if real.stat().st_size > MAX_ANNOTATION_BYTES:
                self.problems.add(path, "", "larger than 2 GB: no annotation file is")
                return None
            return real.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.problems.add(path, f"byte {error.start}", "not UTF-8; save the file as UTF-8")
        except OSError as error:
            self.problems.add(path, "", f"cannot be read ({error.strerror})")
        return None

    def image(self, path: str, file: str, entry: str, box: Box | None = None) -> FileImage | None:
        """A picture that `entry` of `file` refers to; None after a problem."""
        folder = path.rpartition("/")[0]
        if self._is_absent(folder):
            self._absent.setdefault(self.missing(folder), set()).add(path)
            return FileImage(self.root / path, self.root, box) if self.count_absent else None
        found = self._pictures.get(path)
        if found is None:
            found = self._picture(path)
            self._pictures[path] = found
        if isinstance(found, str):
            self.problems.add(file, entry, found)
            return None
        if box is None:
            return found
        if self.verify == "full":
            width, height = self._sizes[path]
            if box[0] >= width or box[1] >= height or box[0] + box[2] <= 0 or box[1] + box[3] <= 0:
                self.problems.add(file, entry, f"box {box} lies outside of {path}")
                return None
        return FileImage(found.path, self.root, box)

    def _is_absent(self, folder: str) -> bool:
        """Whether a folder is not there, and is no wrong path and no bad link."""
        odd = _unsafe(folder) or "//" in folder
        return not odd and self._listing(folder) is None and not self.has(folder)

    def note_absent(self) -> None:
        """One problem for each folder of pictures that is not there."""
        for reason, pictures in self._absent.items():
            self.problems.add("", "", f"{reason}: {len(pictures):,} pictures")

    def stray(self, folder: str, used: Iterable[str]) -> None:
        """Note pictures in a folder that no entry refers to (paths relative to the root)."""
        known = set(used)
        for name in self.names(folder):
            path = f"{folder}/{name}"
            if name.lower().endswith(PICTURES) and path not in known:
                self.problems.add(path, "", "no entry refers to this picture", blocking=False)

    def _picture(self, path: str) -> FileImage | str:
        """The picture, or what is wrong with it."""
        bad = _unsafe(path)
        if bad:
            return bad
        folder, _, name = path.rpartition("/")
        listing = self._listing(folder)
        if listing is None or name not in listing:
            return self.missing(path)
        if listing[name].is_symlink():
            wrong = self._leaves(path)
            if wrong:
                return wrong
        if not listing[name].is_file():
            return f"{path} is not a file"
        found = FileImage(self.root / path, self.root)
        if self.verify != "none":
            if self._looked is not None:
                self._looked()
            try:
                if self.verify == "full" or not found.looks_whole():
                    self._sizes[path] = found.open().size
            except InputError as error:
                return str(error).replace(f"{found.path}: ", f"{path}: ")
        return found

    def _leaves(self, path: str) -> str:
        try:
            real = (self.root / path).resolve()
        except (OSError, RuntimeError):
            return f"{path} is a link that leads nowhere"
        if not real.is_relative_to(self._real_root):
            return f"{path} is a link out of the tree; put a copy inside"
        return ""

    def _inside(self, path: str) -> Path | None:
        wrong = _unsafe(path)
        if not wrong and not self.has(path):
            wrong = self.missing(path)
        wrong = wrong or self._leaves(path)
        if not wrong and not (self.root / path).is_file():
            wrong = f"{path} is not a file"
        if wrong:
            self.problems.add(path, "", wrong)
            return None
        return self.root / path

    def _listing(self, folder: str) -> dict[str, os.DirEntry[str]] | None:
        if folder not in self._listings:
            self._listings[folder] = self._scan(folder)
        return self._listings[folder]

    def _scan(self, folder: str) -> dict[str, os.DirEntry[str]] | None:
        if folder:
            above, _, name = folder.rpartition("/")
            listing = self._listing(above)
            if listing is None or name not in listing:
                return None
            if listing[name].is_symlink() and self._leaves(folder):
                self.problems.add(folder, "", self._leaves(folder))
                return None
        try:
            with os.scandir(self.root / folder) as entries:
                found = {entry.name: entry for entry in entries}
        except NotADirectoryError:
            return None
        except OSError as error:
            self.problems.add(folder or ".", "", f"cannot be listed ({error.strerror})")
            return None
        for name in [n for n in found if not n.isascii() and not _is_text(n)]:
            self.problems.add(folder or ".", ascii(name), "the file's name is not UTF-8")
            del found[name]
        return found


def _is_text(found: object) -> bool:
    """Whether all strings of a JSON value can be written as UTF-8."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unsafe(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\\" in path or re.search(r"[\x00-\x1f]", path):
        return f"{path!r} is not a path inside of the tree"
    return ""


def _name(value: object) -> str:
    if value is None:
        return "null"
    return _KINDS.get(type(value), type(value).__name__)


def fields(
    row: object, expected: Mapping[str, type], file: str, entry: str, problems: Problems
) -> dict[str, Any] | None:
    """The row where it is an object with these fields of these types; None after problems."""
    if not isinstance(row, dict):
        problems.add(file, entry, f"expected an object, found {_name(row)}")
        return None
    good = True
    for key, kind in expected.items():
        value = row.get(key)
        if isinstance(value, bool) or not isinstance(value, kind):
            found = "is missing" if key not in row else f"is {_name(value)}"
            problems.add(file, entry, f"field {key!r} {found}, expected {_KINDS[kind]}")
            good = False
    return row if good else None
