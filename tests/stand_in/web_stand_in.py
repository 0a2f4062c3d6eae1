"""A web server on this machine in place of the hub and of file hosts, with faults on demand.

It answers the requests of the real `huggingface_hub` client (`HF_ENDPOINT`) for repositories made
by the tests, and plain files with ranges, entity tags and every kind of trouble.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_standin"  # noqa: S105 # accepted by this server alone
LFS_FROM = 2000  # larger files are listed with a sha256, as the hub does for LFS


@dataclass
class Repository:
    kind: str  # "models" or "datasets"
    id: str
    files: dict[str, bytes]
    gated: bool = False
    lies: dict[str, bytes] = field(default_factory=dict)  # other bytes of the same length

    @property
    def commit(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + self.files[name])
        return digest.hexdigest()


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass
class Trouble:
    """What goes wrong with a path; `times` counts down, -1 is for ever."""

    status: int = 0
    cut_after: int = -1  # bytes sent before the connection is dropped
    seconds: float = 0.0  # pause before the answer
    times: int = -1
    no_ranges: bool = False


class StandIn:
    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.files: dict[str, bytes] = {}
        self.troubles: dict[str, Trouble] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, Range header
        self.pinned: dict[str, str] = {}  # repository id -> commit to claim
        self.closed: set[str] = set()  # gated ones that the token does not open

    def add(self, repository: Repository) -> Repository:
        self.repositories[repository.kind, repository.id] = repository
        return repository

    def commit_of(self, repository: Repository) -> str:
        return self.pinned.get(repository.id, repository.commit)

    def start(self) -> str:
        stand_in = self

        class Bound(_Handler):
            site = stand_in

        self._server = _Server(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what some tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: StandIn

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.site.requests.append((self.command, path, self.headers.get("Range", "")))
        trouble = self.site.troubles.get(path)
        if trouble is not None and trouble.times != 0 and body:
            trouble.times -= 1
            time.sleep(trouble.seconds)
        else:
            trouble = None
        if trouble is not None and trouble.status:
            self._send(trouble.status, {"error": "trouble"}, body=body)
        elif path.startswith("/files/"):
            data = self.site.files.get(path)
            if data is None:
                self._send(404, {"error": "not found"}, body=body)
            else:
                tag = hashlib.sha256(data).hexdigest()[:16]
                self._send_bytes(data, {"ETag": f'"{tag}"'}, trouble, body=body)
        elif path.startswith("/api/"):
            self._api(path, body=body)
        else:
            self._resolve(path, trouble, body=body)

    def _allowed(self, repository: Repository, *, body: bool) -> bool:
        if not repository.gated:
            return True
        known = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
        if known and repository.id not in self.site.closed:
            return True
        status = 401 if "Authorization" not in self.headers else 403
        headers = {
            "X-Error-Code": "GatedRepo",
            "X-Error-Message": f"Access to dataset {repository.id} is restricted.",
        }
        self._send(status, {"error": "gated"}, headers, body=body)
        return False

    def _find(self, kind: str, name: str, *, body: bool) -> Repository | None:
        found = self.site.repositories.get((kind, name))
        if found is None:
            self._send(
                401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}, body=body
            )
        return found

    def _api(self, path: str, *, body: bool) -> None:
        if path == "/api/whoami-v2":
            valid = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
            answer = {"name": "somebody", "type": "user"} if valid else {"error": "no"}
            self._send(200 if valid else 401, answer, body=body)
            return
        checked = re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)/auth-check", path)
        if checked is not None:
            repository = self._find(*checked.groups(), body=body)
            if repository is not None and self._allowed(repository, body=body):
                self._send(200, {}, body=body)
            return
        match = re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+?)(?:/(revision|tree)/([^/]+)(?:/.*)?)?", path
        )
        if match is None:
            self._send(404, {"error": "no such endpoint"}, body=body)
            return
        kind, name, verb, revision = match.groups()
        repository = self._find(kind, name, body=body)
        if repository is None:
            return
        commit = self.site.commit_of(repository)
        if revision not in (None, "main", commit):
            headers = {"X-Error-Code": "RevisionNotFound"}
            self._send(404, {"error": "Invalid rev id"}, headers, body=body)
            return
        if verb == "tree":
            if self._allowed(repository, body=body):
                self._send(200, [self._entry(n, d) for n, d in repository.files.items()], body=body)
            return
        siblings = [{"rfilename": n} for n in repository.files]
        info = {
            "id": name,
            "sha": commit,
            "siblings": siblings,
            "private": False,
            "gated": repository.gated,
            "disabled": False,
            "tags": [],
        }
        self._send(200, info, body=body)

    @staticmethod
    def _entry(name: str, data: bytes) -> dict[str, object]:
        entry: dict[str, object] = {
            "type": "file",
            "path": name,
            "size": len(data),
            "oid": blob_id(data),
        }
        if len(data) > LFS_FROM:
            digest = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
        return entry

    def _resolve(self, path: str, trouble: Trouble | None, *, body: bool) -> None:
        match = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if match is None:
            self._send(404, {"error": "not found"}, body=body)
            return
        kind = "datasets" if match[1] else "models"
        repository = self._find(kind, match[2], body=body)
        if repository is None or not self._allowed(repository, body=body):
            return
        data = repository.files.get(match[4])
        commit = self.site.commit_of(repository)
        if data is None:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            self._send(404, {"error": "Entry not found"}, headers, body=body)
            return
        lfs = len(data) > LFS_FROM
        etag = hashlib.sha256(data).hexdigest() if lfs else blob_id(data)
        sent = repository.lies.get(match[4], data)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit}
        self._send_bytes(sent, headers, trouble, body=body)

    def _send_bytes(
        self, data: bytes, headers: dict[str, str], trouble: Trouble | None, *, body: bool
    ) -> None:
        start = 0
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        same = condition is None or condition == headers["ETag"]
        ranges = trouble is None or not trouble.no_ranges
        if wanted and same and ranges and int(wanted[1]) < len(data):
            start = int(wanted[1])
        self.send_response(206 if start else 200)
        for key, value in headers.items():
            self.send_header(key, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        if trouble is not None and trouble.cut_after >= 0:
            self.wfile.write(data[start : start + trouble.cut_after])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(data[start:])

    def _send(
        self, status: int, content: object, headers: dict[str, str] | None = None, *, body: bool
    ) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)
