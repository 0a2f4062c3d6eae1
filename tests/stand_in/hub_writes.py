"""The stand-in for the hub with what uploads need: repositories, commits, large files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import urlsplit

from web_stand_in import LFS_FROM, TOKEN, Repository, StandIn, _Handler


class WritableStandIn(StandIn):
    def __init__(self) -> None:
        super().__init__()
        self.large: dict[str, bytes] = {}
        self.commits: list[str] = []

    def start(self) -> str:
        stand_in = self

        class Bound(_WritingHandler):
            site = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"


class _WritingHandler(_Handler):
    site: WritableStandIn

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self) -> None:  # noqa: N802 # the name that http.server calls
        data = self._content()
        self.site.large[hashlib.sha256(data).hexdigest()] = data
        self._send(200, {}, body=True)

    def do_POST(self) -> None:  # noqa: N802 # the name that http.server calls
        data = self._content()
        path = urlsplit(self.path).path
        self.site.requests.append(("POST", path, ""))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(401, {"error": "Invalid credentials"}, body=True)
            return
        here = f"http://{self.headers['Host']}"
        if path == "/api/repos/create":
            wanted = json.loads(data)
            name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
            exists = ("datasets", name) in self.site.repositories
            if not exists:
                self.site.add(Repository("datasets", name, {}))
            url = {"url": f"{here}/datasets/{name}", "name": name}
            self._send(409 if exists else 200, url, body=True)
            return
        match = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(preupload|commit)/main", path)
        if match:
            repository = self.site.repositories["datasets", match[1]]
            answer = self._preupload if match[2] == "preupload" else self._commit
            answer(repository, data, here)
        elif path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []}, body=True)
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {"oid": o["oid"], "size": o["size"], "actions": {"upload": {"href": f"{here}/put"}}}
                for o in json.loads(data)["objects"]
            ]
            self._send(200, {"transfer": "basic", "objects": objects}, body=True)
        else:
            self._send(404, {"error": path}, body=True)

    def _preupload(self, repository: Repository, data: bytes, here: str) -> None:
        files = [
            {
                "path": f["path"],
                "uploadMode": "lfs" if f["size"] > LFS_FROM else "regular",
                "shouldIgnore": False,
            }
            for f in json.loads(data)["files"]
        ]
        self._send(200, {"files": files}, body=True)

    def _commit(self, repository: Repository, data: bytes, here: str) -> None:
        for line in data.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.site.commits.append(value["summary"])
            elif entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                repository.files[value["path"]] = self.site.large[value["oid"]]
        commit = repository.commit
        url = f"{here}/datasets/{repository.id}/commit/{commit}"
        self._send(200, {"success": True, "commitOid": commit, "commitUrl": url}, body=True)
