"""A small local server that rebuilds the site when records change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gdbench.errors import GdbenchError

Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(folders: Sequence[Path]) -> Fingerprint:
    """Names, sizes and times of all files in the folders: changes when a record does."""
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            try:
                stat = path.stat()
            except OSError:  # gone between listing and looking: the next look sees the rest
                continue
            found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return tuple(found)


class Rebuilder:
    """Runs `rebuild` when the watched folders have changed since the last look."""

    def __init__(
        self, folders: Sequence[Path], rebuild: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._folders = folders
        self._rebuild = rebuild
        self._say = say
        self._seen = fingerprint(folders)
        self._lock = threading.Lock()

    def look(self) -> None:
        """Rebuild if anything changed; a bad record is reported and the old site stays."""
        with self._lock:
            now = fingerprint(self._folders)
            if now == self._seen:
                return
            self._seen = now
            try:
                self._rebuild()
            except GdbenchError as error:
                self._say(f"not rebuilt: {error}")
            else:
                self._say("rebuilt")


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, rebuilder: Rebuilder, **kwargs: Any) -> None:
        self._rebuilder = rebuilder
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        """Serve a file; pages look for changed records first."""
        if self.path.partition("?")[0].endswith(("/", ".html")):
            self._rebuilder.look()
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # name of the base class
        """Say nothing for each request."""


def server(site: Path, rebuilder: Rebuilder, port: int = 8000) -> ThreadingHTTPServer:
    """A server of the folder on this machine only. Raises GdbenchError where the port is taken."""
    handler = partial(_Handler, directory=str(site), rebuilder=rebuilder)
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise GdbenchError(f"port {port} cannot be used ({error.strerror}); give --port") from error
