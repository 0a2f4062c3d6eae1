"""Plain files: whole, cut, resumed, changed, refused, slow, wrong."""

from __future__ import annotations

import hashlib
import random

import pytest
from web_stand_in import StandIn, Trouble

from gdbench.data.download import DownloadError, download

DATA = random.Random(0).randbytes(700_000)
SHA = hashlib.sha256(DATA).hexdigest()
PATH = "/files/archive.zip"


@pytest.fixture
def url(site: StandIn) -> str:
    site.files[PATH] = DATA
    return site.url + PATH


def ranges(site: StandIn) -> list[str]:
    return [r for method, path, r in site.requests if method == "GET" and path == PATH]


def test_a_whole_file(url, tmp_path):
    seen = []
    target = tmp_path / "deep/archive.zip"
    found = download(url, target, sha256=SHA, progress=lambda *step: seen.append(step))
    assert found == SHA
    assert target.read_bytes() == DATA
    assert seen[-1] == ("archive.zip", len(DATA), len(DATA))
    assert sorted(p.name for p in target.parent.iterdir()) == ["archive.zip"]


def test_goes_on_after_a_cut(site, url, tmp_path):
    site.troubles[PATH] = Trouble(cut_after=300_000, times=1)
    assert download(url, tmp_path / "a.zip", wait=0) == SHA
    assert ranges(site) == ["", "bytes=300000-"]


def test_goes_on_in_a_later_call(site, url, tmp_path):
    site.troubles[PATH] = Trouble(cut_after=250_000, times=1)
    with pytest.raises(DownloadError, match=r"cut after 250,000 of 700,000 bytes after 1 attempts"):
        download(url, tmp_path / "a.zip", attempts=1)
    assert not (tmp_path / "a.zip").exists()
    assert (tmp_path / "a.zip.part").stat().st_size == 250_000
    assert download(url, tmp_path / "a.zip") == SHA
    assert ranges(site) == ["", "bytes=250000-"]


def test_begins_anew_when_the_file_has_changed(site, url, tmp_path):
    site.troubles[PATH] = Trouble(cut_after=250_000, times=1)
    with pytest.raises(DownloadError):
        download(url, tmp_path / "a.zip", attempts=1)
    site.files[PATH] = DATA[::-1]
    assert download(url, tmp_path / "a.zip") == hashlib.sha256(DATA[::-1]).hexdigest()


def test_begins_anew_where_ranges_are_not_served(site, url, tmp_path):
    site.troubles[PATH] = Trouble(cut_after=250_000, times=1)
    with pytest.raises(DownloadError):
        download(url, tmp_path / "a.zip", attempts=1)
    site.troubles[PATH] = Trouble(no_ranges=True)
    assert download(url, tmp_path / "a.zip") == SHA


def test_a_server_that_always_cuts(site, url, tmp_path):
    site.troubles[PATH] = Trouble(cut_after=1000)
    with pytest.raises(DownloadError, match="after 3 attempts; start the same command again"):
        download(url, tmp_path / "a.zip", attempts=3, wait=0)
    assert (tmp_path / "a.zip.part").stat().st_size == 3000


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "hf auth login"),
        (403, "accept the conditions"),
        (404, "not there"),
        (503, "try again"),
    ],
)
def test_refusals(site, url, tmp_path, status, text):
    site.troubles[PATH] = Trouble(status=status)
    with pytest.raises(DownloadError, match=f"HTTP {status}.*{text}"):
        download(url, tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


def test_wrong_hash(url, tmp_path):
    with pytest.raises(DownloadError, match="thrown away"):
        download(url, tmp_path / "a.zip", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_too_long(url, tmp_path):
    with pytest.raises(DownloadError, match="at most 1,000"):
        download(url, tmp_path / "a.zip", max_bytes=1000)


def test_slow_server(site, url, tmp_path):
    site.troubles[PATH] = Trouble(seconds=1.0)
    with pytest.raises(DownloadError, match=r"time|timed out"):
        download(url, tmp_path / "a.zip", timeout=0.2, attempts=2, wait=0)


def test_no_server(tmp_path):
    with pytest.raises(DownloadError, match="no connection"):
        download("http://127.0.0.1:9/x", tmp_path / "a", attempts=1)
    with pytest.raises(DownloadError, match="only http"):
        download("file:///etc/passwd", tmp_path / "a")


def test_old_addresses_with_blanks_and_accents(site, tmp_path):
    site.files["/files/a b\u00e9.jpg"] = b"picture"
    download(site.url + "/files/a b\u00e9.jpg", tmp_path / "a.jpg", attempts=1)
    assert (tmp_path / "a.jpg").read_bytes() == b"picture"
    for bad in ("http://", "http://127.0.0.1:port/x", "http://[::1/x", "http://\u0000/"):
        with pytest.raises(DownloadError):
            download(bad, tmp_path / "b.jpg", attempts=1)
