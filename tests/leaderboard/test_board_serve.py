"""The local server: new records appear, a bad one leaves the old site, odd requests are a 404."""

import http.client
import threading
import urllib.request
from contextlib import contextmanager

import pytest
import synthetic_board

from gdbench.leaderboard import build
from gdbench.leaderboard.serve import Rebuilder, server


@contextmanager
def serving(site, rebuilder):
    with server(site, rebuilder, port=0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


def test_a_new_record_is_on_a_later_page_load(tmp_path):
    submissions, site = tmp_path / "submissions", tmp_path / "site"
    synthetic_board.write(submissions, synthetic_board.record(1, "aro"))
    build(submissions, site)
    said: list[str] = []
    rebuilder = Rebuilder([submissions], lambda: void(build(submissions, site)), said.append)
    with serving(site, rebuilder) as port:

        def get(path: str) -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                return answer.read().decode()

        assert "model-001" in get("")
        assert said == []
        synthetic_board.write(submissions, synthetic_board.record(2, "aro"))
        get("index.html")
        rebuilder.wait()
        assert "model-002" in get("index.html")
        assert said == ["rebuilt"]
        bad = submissions / "bad" / "1" / "aro"
        bad.mkdir(parents=True)
        (bad / "record.json").write_text("{")
        get("")
        rebuilder.wait()
        assert "model-002" in get("")
        assert "not rebuilt" in said[-1]
        assert str(bad) in said[-1]


def test_pages_of_the_last_build_are_served_during_a_rebuild(tmp_path):
    """Nobody waits: the rebuild is still going on when the old page has come."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("old")
    watched = tmp_path / "watched"
    watched.mkdir()
    begun, go = threading.Event(), threading.Event()
    times = []

    def rebuild() -> None:
        times.append(1)
        begun.set()
        assert go.wait(60)
        (tmp_path / "site" / "index.html").write_text("new")

    rebuilder = Rebuilder([watched], rebuild, lambda _: None)
    with serving(tmp_path / "site", rebuilder) as port:

        def get() -> bytes:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                return answer.read()

        (watched / "one").write_text("1")
        assert get() == b"old"
        assert begun.wait(60)
        assert get() == b"old"
        assert times == [1]
        go.set()
        rebuilder.wait()
        assert get() == b"new"


ODD = [
    "/%00", "/%00index.html", "/index.html%00", "/..", "/../secret.txt", "/%2e%2e/secret.txt",
    "/..%2fsecret.txt", "/..\\secret.txt", "/%5c..%5csecret.txt", "//secret.txt", "/.//secret.txt",
    "/link.txt", "/folder/", "/folder", "/nothing.html", "/%ff%fe", "/" + "a" * 5000, "/%",
    "/%zz", "/index.html/", "/index.html/more", "/%c3%a4", "/*",
    "/%0d%0aSet-Cookie:%20x", "/con%00.html?x", "/%e2%80%ae",
]  # fmt: skip


def test_odd_requests_are_not_found(tmp_path):
    site = tmp_path / "site"
    (site / "folder").mkdir(parents=True)
    (site / "index.html").write_text("home")
    (site / "folder" / "file.txt").write_text("in it")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    with serving(site, Rebuilder([], lambda: None, lambda _: None)) as port:
        for method in ("GET", "HEAD"):
            for path in ODD:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.putrequest(method, path, skip_host=False)
                connection.endheaders()
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 404, path
                assert b"secret" not in body.replace(path.encode("utf-8", "replace"), b"")
                assert not answer.headers.get("Set-Cookie")
                connection.close()
        for path in ("/", "/index.html", "/folder/file.txt", "/index.html?q=%00#x"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:8000", 200),
        ("LOCALHOST", 200), (None, 200), ("rebound.example", 421), ("127.0.0.1.example", 421),
        ("localhost@b.example", 421), ("", 421), ("[", 421), ("\xff", 421), ("a b", 421),
    ],
)  # fmt: skip
def test_names_of_other_machines_are_refused(host, status, tmp_path):
    """A stranger's page that gives its name this address reads nothing."""
    (tmp_path / "index.html").write_text("secret")
    built = []
    with serving(tmp_path, Rebuilder([tmp_path], lambda: built.append(1), void)) as port:
        (tmp_path / "new").write_text("1")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.putrequest("GET", "/", skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == status
        assert (b"secret" in answer.read()) == (status == 200)
        connection.close()
    assert status == 200 or not built


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_other_methods_are_refused(method, tmp_path):
    (tmp_path / "index.html").write_text("home")
    with serving(tmp_path, Rebuilder([], lambda: None, lambda _: None)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, "/index.html")
        assert connection.getresponse().status == 501
        connection.close()


def test_a_folder_that_cannot_be_read_leaves_the_old_site(tmp_path):
    """Whatever the system says of it: a traceback of a thread would be no line."""
    said: list[str] = []

    def rebuild() -> None:
        raise PermissionError(13, "Permission denied", "submissions")

    rebuilder = Rebuilder([tmp_path], rebuild, said.append)
    (tmp_path / "new").write_text("1")
    rebuilder.look()
    rebuilder.wait()
    assert said == ["not rebuilt: [Errno 13] Permission denied: 'submissions'"]


def void(_: object) -> None:
    """Callbacks return nothing."""
