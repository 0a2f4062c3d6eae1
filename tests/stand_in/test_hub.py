"""`gdbench data fetch` through the real hub client: open, gated, gone, cut, wrong, slow."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path

import data_trees as trees
import hub_sets
import pytest
from web_stand_in import TOKEN, Repository, StandIn, Trouble

from gdbench.data.catalogue import CATALOGUE, Download, HubSet

WINOGROUND = CATALOGUE["winoground"].hub[0]
PARQUET = "data/test-00000-of-00001.parquet"
RESOLVED = f"/datasets/{WINOGROUND.id}/resolve/{WINOGROUND.revision}/{PARQUET}"


@pytest.fixture
def winoground(site: StandIn) -> Repository:
    files = hub_sets.winoground(40) | {"README.md": b"# four examples\n"}
    site.pinned[WINOGROUND.id] = WINOGROUND.revision or ""
    return site.add(Repository("datasets", WINOGROUND.id, files, gated=True))


def test_gated_without_a_login(gdbench, winoground, tmp_path):
    done = gdbench("data", "fetch", "winoground", "--root", str(tmp_path / "d"))
    assert done.returncode == 2
    assert "is gated: log in at https://huggingface.co/datasets/facebook/winoground" in done.stderr
    assert "Traceback" not in done.stderr


def test_gated_with_a_login_that_has_no_access(gdbench, winoground, tmp_path):
    done = gdbench(
        "data", "fetch", "winoground", "--root", str(tmp_path / "d"), token="hf_" + "other"
    )
    assert done.returncode == 2
    assert "accept the conditions" in done.stderr


def test_fetched_checked_and_pinned(gdbench, winoground, tmp_path):
    root = tmp_path / "d"
    done = gdbench("data", "fetch", "winoground", "--root", str(root), token=TOKEN)
    assert done.returncode == 0, done.stderr
    pin = json.loads((root / WINOGROUND.folder / "gdbench-pin.json").read_text())
    assert pin["revision"] == WINOGROUND.revision
    assert pin["files"][PARQUET] == hashlib.sha256(winoground.files[PARQUET]).hexdigest()
    done = gdbench("data", "check", "winoground", "--root", str(root), "--json")
    (row,) = json.loads(done.stdout)["tasks"]
    assert (row["layout"], row["n_items"]) == ("hub", {"winoground": 40})
    assert [p["problem"] for p in row["problems"]] == ["40 items that are whole, 400 as published"]
    done = gdbench("data", "status", "winoground", "--root", str(root), "--json")
    first = json.loads(done.stdout)["parts"][0]
    assert (first["here"], first["revision"]) == (True, WINOGROUND.revision)


def test_a_second_fetch_sends_no_file_again(gdbench, site, winoground, tmp_path):
    arguments = ("data", "fetch", "winoground", "--root", str(tmp_path / "d"))
    assert gdbench(*arguments, token=TOKEN).returncode == 0
    site.requests.clear()
    assert gdbench(*arguments, token=TOKEN).returncode == 0
    assert not [r for r in site.requests if r[0] == "GET" and "/resolve/" in r[1]]


def test_goes_on_after_a_cut(gdbench, site, winoground, tmp_path):
    chunk = 10 * 1024 * 1024  # the client keeps whole chunks
    winoground.files["data/more.bin"] = random.Random(0).randbytes(chunk + 2000)
    path = RESOLVED.replace(PARQUET, "data/more.bin")
    site.troubles[path] = Trouble(cut_after=chunk + 1000, times=1)
    done = gdbench("data", "fetch", "winoground", "--root", str(tmp_path / "d"), token=TOKEN)
    assert done.returncode == 0, done.stderr
    ranges = [r for method, asked, r in site.requests if method == "GET" and asked == path]
    assert ranges == ["", f"bytes={chunk}-"]


def test_other_bytes_than_the_hub_lists(gdbench, winoground, tmp_path):
    data = winoground.files[PARQUET]
    winoground.lies[PARQUET] = data[:-1] + bytes([data[-1] ^ 1])
    done = gdbench("data", "fetch", "winoground", "--root", str(tmp_path / "d"), token=TOKEN)
    assert done.returncode == 2
    assert "differs from the hub's hash and was thrown away" in done.stderr
    assert not (tmp_path / "d" / WINOGROUND.folder / PARQUET).exists()


def test_a_revision_that_is_gone(gdbench, site, winoground, tmp_path):
    site.pinned[WINOGROUND.id] = "f" * 40
    done = gdbench("data", "fetch", "winoground", "--root", str(tmp_path / "d"), token=TOKEN)
    assert done.returncode == 2
    assert f"revision {WINOGROUND.revision} is not there any more" in done.stderr


def test_a_repository_that_is_gone(gdbench, site, tmp_path):
    done = gdbench("data", "fetch", "pets", "--root", str(tmp_path / "d"))
    assert done.returncode == 2
    assert "pcuenq/oxford-pets is not on the hub" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_known_revision_the_first_fetch_pins_it(gdbench, site, tmp_path):
    repository = site.add(Repository("datasets", "pcuenq/oxford-pets", hub_sets.pets()))
    root = tmp_path / "d"
    first = repository.commit
    arguments = ("data", "fetch", "pets", "--layout", "hub", "--root", str(root))
    assert gdbench(*arguments).returncode == 0
    pin = json.loads((root / "hub/pcuenq--oxford-pets/gdbench-pin.json").read_text())
    assert pin["revision"] == first
    repository.files["README.md"] = b"changed"
    done = gdbench(*arguments)
    assert done.returncode == 2
    assert f"revision {first} is not there any more" in done.stderr


def test_a_hub_that_does_not_answer(gdbench, site, winoground, tmp_path):
    api = f"/api/datasets/{WINOGROUND.id}/tree/{WINOGROUND.revision}"
    site.troubles[api] = Trouble(status=400)
    done = gdbench("data", "fetch", "winoground", "--root", str(tmp_path / "d"), token=TOKEN)
    assert done.returncode == 2
    assert "start the same command again" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_task(gdbench):
    done = gdbench("data", "fetch", "imagenet")
    assert done.returncode == 2
    assert "unknown task 'imagenet'; did you mean imagecode?" in done.stderr


def test_svo_pictures_that_survive(site, tmp_path, monkeypatch):
    import datasets

    from gdbench.data.check import parts_of
    from gdbench.data.loading import read
    from gdbench.data.svo_pictures import fetch_pictures

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    hub_sets.snapshot(tmp_path, CATALOGUE["svo"].hub[0].folder, hub_sets.svo(site.url), None)
    for i in range(8):
        site.files[f"/files/{i}.jpg"] = trees.encoded(f"{i}.jpg")
    del site.files["/files/2.jpg"]
    site.files["/files/7.jpg"] = b"<html>moved</html>"
    assert fetch_pictures(tmp_path) == "svo/images: 6 of 8 pictures, 2 are gone"
    assert sorted(json.loads((tmp_path / "svo/dead.json").read_text())) == ["2", "7"]
    found = read("svo", parts_of("svo"), tmp_path)
    assert found.n_items == {"verb": 1, "obj": 1}
    site.requests.clear()
    assert fetch_pictures(tmp_path) == "svo/images: 6 of 8 pictures, 2 are gone"
    assert site.requests == []


def test_files_and_archives_of_the_2023_layout(site, tmp_path):
    from gdbench.data import fetch as fetching
    from gdbench.data.catalogue import Entry

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        packed.writestr("images/a.png", trees.encoded("a.png"))
    site.files["/files/images.zip"] = sink.getvalue()
    site.files["/files/c.json"] = b"{}"
    downloads = (
        Download(site.url + "/files/c.json", "clevr/captions/spatial.json"),
        Download(site.url + "/files/images.zip", "clevr/images.zip", unpack="clevr"),
        Download(site.url + "/files/gone.zip", "clevr/gone.zip", unpack="clevr"),
    )
    entry = Entry({}, downloads=downloads)
    outcomes = list(fetching.fetch_task("clevr", tmp_path, entry=entry))
    assert [o.done for o in outcomes] == [True, True, False]
    assert "HTTP 404" in outcomes[2].text
    assert (tmp_path / "clevr/images/a.png").read_bytes() == trees.encoded("a.png")
    assert not (tmp_path / "clevr/images.zip").exists()
    ledger = json.loads((tmp_path / "downloads.json").read_text())
    archive = ledger[site.url + "/files/images.zip"]
    assert archive["sha256"] == hashlib.sha256(sink.getvalue()).hexdigest()
    site.requests.clear()
    list(fetching.fetch_task("clevr", tmp_path, entry=entry))
    assert [Path(path).name for _, path, _ in site.requests] == ["gone.zip"]
    # what lies there has to be what was fetched
    (tmp_path / "clevr/captions/spatial.json").write_bytes(b"[]")
    outcomes = list(fetching.fetch_task("clevr", tmp_path, entry=entry))
    assert not outcomes[0].done
    assert "it was changed after it was fetched" in outcomes[0].text


def test_sums_of_a_first_fetch_hold_everywhere(site, tmp_path):
    """Recorded in a file that others use: they get the same bytes or a refusal."""
    from gdbench.data import fetch as fetching
    from gdbench.data.catalogue import Entry
    from gdbench.data.pins import Pins

    site.files["/files/c.json"] = b"{}"
    url = site.url + "/files/c.json"
    entry = Entry({}, downloads=(Download(url, "clevr/captions/spatial.json"),))
    sums = tmp_path / "sums.json"
    for root in ("first", "second"):
        (outcome,) = fetching.fetch_task("clevr", tmp_path / root, entry=entry, pins=Pins(sums))
        assert outcome.done
    assert json.loads(sums.read_text()) == {url: hashlib.sha256(b"{}").hexdigest()}
    site.files["/files/c.json"] = b"[]"
    (outcome,) = fetching.fetch_task("clevr", tmp_path / "third", entry=entry, pins=Pins(sums))
    assert not outcome.done
    assert "expected" in outcome.text
    assert not (tmp_path / "third/clevr/captions/spatial.json").exists()
    # a file put there by hand is the first fetch of its root
    by_hand = tmp_path / "fourth/clevr/captions/spatial.json"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"[1]")
    (outcome,) = fetching.fetch_task("clevr", tmp_path / "fourth", entry=entry)
    assert "put there by hand" in outcome.text
    by_hand.write_bytes(b"[2]")
    (outcome,) = fetching.fetch_task("clevr", tmp_path / "fourth", entry=entry)
    assert not outcome.done


@pytest.mark.parametrize(
    ("task", "layout", "hub", "files"),
    [
        ("winoground", "auto", True, False),
        ("winoground", "2023", False, True),
        ("flickr30k", "auto", True, True),
        ("imagecode", "auto", False, True),
        ("imagecode", "hub", True, True),
        ("clevr", "auto", False, True),
        ("pets", "hub", True, False),
    ],
)
def test_which_sources_are_asked(tmp_path, monkeypatch, task, layout, hub, files):
    from gdbench.data import fetch as fetching

    asked = []
    monkeypatch.setattr(fetching, "fetch_hub", lambda part, root: asked.append(part) or "")
    monkeypatch.setattr(fetching, "fetch_file", lambda file, *_: asked.append(file) or "")
    list(fetching.fetch_task(task, tmp_path, layout))
    assert any(isinstance(a, HubSet) for a in asked) is hub
    assert any(isinstance(a, Download) for a in asked) is files
    if (task, layout) == ("imagecode", "hub"):
        assert not any(getattr(a, "unpack", "") for a in asked)
