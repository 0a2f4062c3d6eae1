"""A small local server that rebuilds the site when records change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gdbench.errors import GdbenchError
from gdbench.submissions.untrusted import below

_LOCAL = ("127.0.0.1", "localhost", "::1")
Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(folders: Sequence[Path]) -> Fingerprint:
    """Names, sizes and times of all files in the folders: changes when a record does."""
    found = []
    for folder in folders:
        # what is gone between listing and looking is seen at the next look
        with suppress(OSError):
            for path in below(folder):
                with suppress(OSError):
                    stat = path.stat()
                    found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(found))


class Rebuilder:
    """Runs `rebuild` beside the server when the watched folders have changed since the last look.

    Nobody waits for it: the pages of the last build are served until the new ones are there.
    """

    def __init__(
        self, folders: Sequence[Path], rebuild: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._folders = folders
        self._rebuild = rebuild
        self._say = say
        self._seen = fingerprint(folders)
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def look(self) -> None:
        """Begin a rebuild if anything changed and none is going on."""
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return
            now = fingerprint(self._folders)
            if now == self._seen:
                return
            self._seen = now
            self._worker = threading.Thread(target=self._run, daemon=True)
            self._worker.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the rebuild that is going on, if there is one."""
        worker = self._worker
        if worker is not None:
            worker.join(timeout)

    def _run(self) -> None:
        """Rebuild; a bad record is reported and the old site stays."""
        try:
            self._rebuild()
        except (GdbenchError, OSError) as error:
            self._say(f"not rebuilt: {error}")
        else:
            self._say("rebuilt")


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, rebuilder: Rebuilder, **kwargs: Any) -> None:
        self._rebuilder = rebuilder
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        """Serve a file; pages look for changed records first."""
        if self.path.partition("?")[0].endswith(("/", ".html")) and self._is_local():
            self._rebuilder.look()
        super().do_GET()

    def send_head(self) -> Any:
        """A file of the site and nothing else: no listing, nothing outside of it, no odd names."""
        if not self._is_local():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server is for this machine alone")
            return None
        if self._is_file():
            try:
                return super().send_head()
            except (OSError, ValueError):  # gone since it was looked for
                pass
        self.send_error(HTTPStatus.NOT_FOUND, "Not found")
        return None

    def _is_local(self) -> bool:
        """Whether the browser knows this server by a name of this machine.

        A stranger's page may give its own name this machine's address (DNS rebinding), and would
        then read results that nobody has published.
        """
        try:
            host = urlsplit(f"//{self.headers.get('Host', _LOCAL[0])}").hostname
        except ValueError:
            return False
        return host in _LOCAL

    def _is_file(self) -> bool:
        """Whether the request names a file below the site's folder, or a folder with an index."""
        name = unquote(self.path.partition("?")[0].partition("#")[0], errors="replace")
        if not name.isprintable() or "\\" in name or "//" in name:
            return False
        try:
            root = Path(self.directory).resolve()
            path = (root / name.lstrip("/")).resolve()
            if not path.is_relative_to(root):
                return False
            return path.is_file() or (path / "index.html").is_file()
        except (OSError, ValueError):  # a name that no file system takes
            return False

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
