"""The local server: rebuilds on change, keeps the old site where a record is bad."""

import threading
import urllib.request

import synthetic_board

from gdbench.leaderboard import build
from gdbench.leaderboard.serve import Rebuilder, server


def test_a_new_record_is_on_the_next_page_load(tmp_path):
    submissions, site = tmp_path / "submissions", tmp_path / "site"
    synthetic_board.write(submissions, synthetic_board.record(1, "aro"))
    build(submissions, site)
    said: list[str] = []
    rebuilder = Rebuilder([submissions], lambda: void(build(submissions, site)), said.append)
    with server(site, rebuilder, port=0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()

        def get(path: str) -> str:
            address = f"http://127.0.0.1:{running.server_address[1]}/{path}"
            with urllib.request.urlopen(address) as answer:  # our own server
                return answer.read().decode()

        assert "model-001" in get("")
        assert said == []
        synthetic_board.write(submissions, synthetic_board.record(2, "aro"))
        assert "model-002" in get("index.html")
        assert said == ["rebuilt"]
        bad = submissions / "bad" / "1" / "aro"
        bad.mkdir(parents=True)
        (bad / "record.json").write_text("{")
        assert "model-002" in get("")
        assert "not rebuilt" in said[-1]
        assert str(bad) in said[-1]
        running.shutdown()
        thread.join()


def void(_: object) -> None:
    """Callbacks return nothing."""
