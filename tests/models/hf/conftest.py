import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
import torch
from transformers.utils import logging

from tests.models.hf.tiny import save
from tests.models.hf.tiny_vlm import ALL, DECODING


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory) -> Callable[[str], Path]:
    logging.disable_progress_bar()
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = save(
                (ALL | DECODING)[name], tmp_path_factory.mktemp("hf") / f"tiny-{name}"
            )
        return made[name]

    return folder


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Answers as the hub does, for folders of this machine."""

    def __init__(self) -> None:
        self.commit = COMMIT
        self.refusal: tuple[int, str] | None = None
        self.folders: dict[str, Path] = {}
        self.fetched: list[str] = []
        self.padding = 0  # bytes that files seem to be larger

    def answer(self, method, path):
        """Status, headers and body."""
        if self.refusal is not None:
            status, code = self.refusal
            return status, {"X-Error-Code": code} if code else {}, b"{}"
        if path.startswith("/api/models/"):
            repo = "/".join(path.split("/")[3:5])
            sizes = {
                p.name: p.stat().st_size + self.padding
                for p in sorted(self.folders[repo].iterdir())
            }
            found: object = {
                "id": repo,
                "sha": COMMIT,
                "siblings": [{"rfilename": name, "size": size} for name, size in sizes.items()],
            }
            if "/tree/" in path:
                found = [
                    {"type": "file", "path": name, "size": size, "oid": "0"}
                    for name, size in sizes.items()
                ]
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        _, owner, name, _, _, file = path.split("/")
        body = (self.folders[f"{owner}/{name}"] / file).read_bytes()
        if method == "GET":
            self.fetched.append(file)
        tag = hashlib.sha256(body).hexdigest()
        return 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}, body


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The client of the hub, asking a server of ours, with an empty cache."""
    ours = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = ours.answer(self.command, self.path.partition("?")[0])
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 # the name is the library's

        def log_message(self, *_):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )  # fmt: skip
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield ours
    server.shutdown()
    server.server_close()
