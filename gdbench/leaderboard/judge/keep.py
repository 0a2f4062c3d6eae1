"""Judgements by content: what they rest on is their name, so that nothing stale can be found.

The name is a hash of all that a judgement follows from: records, scores, log entries, and the code
and bundled data of gdbench itself.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gdbench.errors import GdbenchError
from gdbench.leaderboard.gather.entries import Entry

T = TypeVar("T")
_DAYS = 30
"""What no build has asked for so long is removed."""
_NOT_JUDGING = ("leaderboard/show/", "mini/weights/")
"""Parts of the package that no judgement depends on."""


def digest(entry: Entry) -> str:
    """sha256 of a record and its scores, and of where they are."""
    found = hashlib.sha256(entry.place.encode() + b"\0" + entry.file.read_bytes() + b"\0")
    if entry.scores is not None:
        found.update(entry.scores.read_bytes())
    return found.hexdigest()


def key_of(*told: object) -> str:
    """A name for what follows from these values and this gdbench."""
    return hashlib.sha256(f"{code()}\n{told!r}".encode()).hexdigest()


@cache
def code() -> str:
    """sha256 of gdbench's own files, and the libraries that compute."""
    package = Path(__file__).parents[2]
    found = hashlib.sha256(f"{version('numpy')} {version('scipy')}".encode())
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package).as_posix()
        if path.is_file() and "__pycache__" not in name and not name.startswith(_NOT_JUDGING):
            found.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


class Keep:
    """A folder of judgements; with None nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str, kind: type[T]) -> T | None:
        """What was kept under a key; None where there is nothing, or nothing that can be read."""
        if self.folder is None or not key:
            return None
        path = self._path(key, kind)
        try:
            found = TypeAdapter(kind).validate_json(path.read_bytes())
            path.touch()
        except (OSError, ValidationError):
            return None
        return found

    def put(self, key: str, kind: type[T], value: T) -> None:
        """Keep a value. Raises GdbenchError where it cannot be written."""
        if self.folder is None or not key:
            return
        path = self._path(key, kind)
        part = path.with_name(f".{path.name}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(TypeAdapter(kind).dump_json(value))
            part.replace(path)
        except OSError as error:
            raise GdbenchError(
                f"cannot keep judgements in {self.folder} ({error.strerror}); set GDBENCH_CACHE"
            ) from error

    def tidy(self) -> None:
        """Remove what no build has asked for in a month."""
        for path in self.folder.glob("*.json") if self.folder is not None else ():
            with suppress(OSError):  # another build may have removed it
                if path.stat().st_mtime < time.time() - _DAYS * 86_400:
                    path.unlink()

    def _path(self, key: str, kind: type[object]) -> Path:
        assert self.folder is not None  # noqa: S101 # asked for by those that have one
        return self.folder / f"{kind.__name__}-{key}.json"
