"""Which bytes a published file has: recorded at its first fetch, held to ever after.

The addresses of the 2023 layout have no published sums. The first fetch records one, in the data
root's own ledger and in a file of pins that can be shared: whoever fetches with it gets the same
bytes or a refusal.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from gdbench.data.download import DownloadError
from gdbench.errors import InputError
from gdbench.store import write_atomically

SHIPPED = Path(__file__).parent / "pins.json"
"""Pins that come with the package; there need be none."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Pins:
    """Addresses and the sha256 of what is there: of a file, and those of the package."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the pins. Raises InputError where a file of them is broken."""
        self.path = path
        self._own = _read(path) if path is not None and path.exists() else {}
        self._shipped = _read(SHIPPED) if SHIPPED.exists() else {}
        for url, digest in self._own.items():
            if self._shipped.get(url, digest) != digest:
                raise InputError(f"{path}: {url} has another sha256 than the one gdbench ships")

    def get(self, url: str) -> str:
        """The sha256 of an address; empty where it was never fetched."""
        return self._shipped.get(url) or self._own.get(url, "")

    def add(self, url: str, digest: str) -> None:
        """Record what was fetched; in the file, where there is one."""
        if self.path is None or self.get(url):
            return
        self._own[url] = digest
        text = json.dumps(self._own, indent=2, sort_keys=True) + "\n"
        write_atomically(self.path, text.encode())


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: no file of pins ({error})") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected an object of addresses and their sha256")
    for url, digest in found.items():
        if not isinstance(digest, str) or not _SHA256.match(digest):
            raise InputError(f"{path}: {url[:200]!r} has no sha256")
    return found


def check_unchanged(path: Path, expected: str) -> str:
    """The sha256 of a file that is here. Raises DownloadError where it is another than expected."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if expected and found != expected:
        raise DownloadError(
            f"{path}: sha256 {found[:12]}…, expected {expected[:12]}…; it was changed after it was "
            "fetched, or is another file: move it away and fetch again"
        )
    return found
