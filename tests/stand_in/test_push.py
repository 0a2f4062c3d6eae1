"""`gdbench push` and `pull` with the real hub client and a hub on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hub_writes import WritableStandIn
from web_stand_in import TOKEN, Repository

from gdbench.evaluation import evaluate
from gdbench.models.baselines import Random
from gdbench.submissions.submit import submit
from gdbench.tasks import TASKS


@pytest.fixture
def site():
    stand_in = WritableStandIn()
    stand_in.url = stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A run and its submissions."""
    root = tmp_path_factory.mktemp("results")
    evaluate(Random(), [TASKS.get("svo")], root / "run", suite="mini")
    submit(root / "run", root / "submissions")
    return root


PLACE = "random/1/svo"


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_submissions_come_back_as_they_were(gdbench, site, results, tmp_path):
    done = gdbench("push", str(results / "submissions"), "me/results", token=TOKEN)
    assert done.returncode == 0, done.stderr
    uploaded = site.repositories["datasets", "me/results"].files
    assert set(uploaded) == {f"{PLACE}/record.json", f"{PLACE}/scores.parquet", "README.md"}
    assert len(site.commits) == 1
    assert site.large  # files above the limit went as large files
    done = gdbench("pull", "me/results", "--to", str(tmp_path / "s"), "--json")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "s") == files(results / "submissions")
    assert json.loads(done.stdout)["reports"][0]["ok"] is True


def test_pushing_again_makes_no_second_repository(gdbench, site, results):
    for _ in range(2):
        done = gdbench("push", str(results / "submissions"), "me/results", token=TOKEN)
        assert done.returncode == 0, done.stderr
    assert len(site.repositories) == 1


def test_a_run_travels_below_its_name(gdbench, site, results, tmp_path):
    done = gdbench("push", str(results / "run"), "me/results", token=TOKEN)
    assert done.returncode == 0, done.stderr
    assert gdbench("pull", "me/results", "--to", str(tmp_path / "s")).returncode == 0
    assert files(tmp_path / "s/runs/run") == files(results / "run")


def test_nothing_but_results_is_uploaded(gdbench, site, results, tmp_path):
    import shutil

    run = shutil.copytree(results / "run", tmp_path / "run")
    (run / "password.txt").write_text("secret")
    (run / "svo" / "notes.md").write_text("secret")
    assert gdbench("push", str(run), "me/results", token=TOKEN).returncode == 0
    uploaded = site.repositories["datasets", "me/results"].files
    assert not any(b"secret" in data for data in uploaded.values())


def test_what_does_not_verify_is_not_uploaded(gdbench, site, results, tmp_path):
    import shutil

    bad = shutil.copytree(results / "submissions", tmp_path / "s")
    record = bad / PLACE / "record.json"
    record.write_text(record.read_text().replace('"score": 0.', '"score": 0.9', 1))
    done = gdbench("push", str(bad), "me/results", token=TOKEN)
    assert done.returncode == 2
    assert "does not verify" in done.stderr
    assert not site.repositories


def test_a_hostile_repository_writes_nothing_outside(gdbench, site, results, tmp_path):
    good = files(results / "submissions")
    site.add(
        Repository(
            "datasets",
            "evil/results",
            good | {"evil/a/b/c/record.json": b"{}", "setup.py": b"x", ".ssh/record.json": b"{}"},
        )
    )
    to = tmp_path / "deep/s"
    done = gdbench("pull", "evil/results", "--to", str(to))
    assert done.returncode == 0, done.stderr
    assert files(to) == good


def test_tampered_submissions_are_found_on_arrival(gdbench, site, results, tmp_path):
    good = files(results / "submissions")
    key = f"{PLACE}/record.json"
    site.add(
        Repository(
            "datasets", "evil/results", good | {key: good[key].replace(b'"n": ', b'"n": 9', 1)}
        )
    )
    done = gdbench("pull", "evil/results", "--to", str(tmp_path / "s"))
    assert done.returncode == 1
    assert "metric" in done.stdout


def test_files_here_are_not_overwritten(gdbench, site, results, tmp_path):
    site.add(Repository("datasets", "me/results", files(results / "submissions")))
    target = tmp_path / "s" / PLACE / "record.json"
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    done = gdbench("pull", "me/results", "--to", str(tmp_path / "s"))
    assert done.returncode == 2
    assert "differs" in done.stderr
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pull", "me/missing"), "is not there"),
        (("pull", "no-owner"), "give OWNER/NAME"),
        (("pull", "../../x"), "give OWNER/NAME"),
        (("push", "nowhere", "me/results"), "no such folder"),
    ],
)
def test_mistakes_are_one_line(gdbench, words, expected, tmp_path):
    done = gdbench(*words, *(("--to", str(tmp_path / "s")) if words[0] == "pull" else ()))
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_login_nothing_is_pushed(gdbench, results):
    done = gdbench("push", str(results / "submissions"), "me/results")
    assert done.returncode == 2
    assert "hf auth login" in done.stderr
