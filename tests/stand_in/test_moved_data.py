"""Data that has moved: other ids and addresses in order, and what the disk has to hold."""

from __future__ import annotations

import json
import re

import hub_sets
import pytest
from web_stand_in import Repository

from gdbench.data.catalogue import CATALOGUE, Download
from gdbench.data.check import check
from gdbench.data.entry import Entry
from gdbench.data.extras import EXTRAS, lora_home, root_of
from gdbench.data.fetch import check_space, fetch_task
from gdbench.errors import InputError


def test_data_sets_under_their_new_ids_are_fetched_and_named(gdbench, site, tmp_path):
    hubs = CATALOGUE["aro"].hub
    added = {
        hub: site.add(Repository("datasets", hub.moved[0], {"README.md": b"moved"})) for hub in hubs
    }
    root = tmp_path / "d"
    arguments = ("data", "fetch", "aro", "--layout", "hub", "--root", str(root))
    done = gdbench(*arguments)
    assert done.returncode == 0, done.stderr
    for hub, repository in added.items():
        assert f"in place of {hub.id} ({hub.id} is not on the hub)" in done.stderr
        pin = json.loads((root / hub.folder / "gdbench-pin.json").read_text())
        assert (pin["id"], pin["revision"]) == (hub.moved[0], repository.commit)
    # the commit of the first fetch is kept to under the new id, too
    commit = added[hubs[0]].commit
    added[hubs[0]].files["README.md"] = b"changed"
    done = gdbench(*arguments)
    assert done.returncode == 2
    assert f"{hubs[0].moved[0]}: revision {commit} is not there any more" in done.stderr


def test_a_snapshot_of_a_new_id_is_read_at_its_own_commit(tmp_path):
    hub = CATALOGUE["winoground"].hub[0]
    hub_sets.snapshot(tmp_path, hub.folder, hub_sets.winoground(), "f" * 40)
    pin = tmp_path / hub.folder / "gdbench-pin.json"
    wrong = [row["problem"] for row in check("winoground", tmp_path).problems.rows]
    assert any("fetch again" in problem for problem in wrong)
    pin.write_text(json.dumps({"id": "somebody/winoground", "revision": "f" * 40}))
    assert check("winoground", tmp_path).n_items == {"winoground": 4}


def test_addresses_are_tried_in_order_and_the_good_one_is_named(site, tmp_path):
    site.files["/files/b.tsv"] = b"x"
    file = Download(
        site.url + "/files/a.tsv", "coco/a.tsv",
        alternatives=(site.url + "/files/b.tsv", site.url + "/files/c.tsv"),
    )  # fmt: skip
    (outcome,) = fetch_task("negclip", tmp_path, entry=Entry({}, downloads=(file,)))
    assert outcome.done
    assert f"from {site.url}/files/b.tsv" in outcome.text
    assert "a.tsv: HTTP 404" in outcome.text
    assert (tmp_path / "coco/a.tsv").read_bytes() == b"x"
    gone = Download(site.url + "/1", "1", alternatives=(site.url + "/2",))
    (outcome,) = fetch_task("negclip", tmp_path, entry=Entry({}, downloads=(gone,)))
    assert not outcome.done
    assert "/1: HTTP 404" in outcome.text
    assert "/2: HTTP 404" in outcome.text


def test_the_disk_is_looked_at_first(tmp_path):
    small = Download("https://example.org/a.zip", "a.zip", unpack=".", size=1_000_000)
    unknown = Download("https://example.org/b", "b")
    text = check_space(Entry({}, downloads=(small, unknown)), tmp_path / "new")
    assert text.startswith("2 files to fetch, 1MB and 1 of unknown size; ")
    huge = Download("https://example.org/c.zip", "c.zip", unpack=".", size=10**18)
    with pytest.raises(InputError, match="are needed to unpack them"):
        check_space(Entry({}, downloads=(huge,)), tmp_path)


def test_extras_are_pinned_and_lie_where_they_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("GDBENCH_LORA", str(tmp_path / "lora"))
    assert root_of("lora", tmp_path / "data") == lora_home() == tmp_path / "lora"
    assert root_of("coco", tmp_path / "data") == tmp_path / "data"
    for file in (*EXTRAS["lora"].downloads, *EXTRAS["negclip"].downloads):
        assert re.search(r"/[0-9a-f]{40}/", file.url)
    names = {file.target for file in EXTRAS["lora"].downloads}
    assert names == {
        f"{name}/pytorch_lora_weights.bin"
        for name in ("hardneg-checkpoint-5000", "noneg-checkpoint-3000")
    }
