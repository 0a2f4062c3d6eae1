"""A disk that is full or read-only: one line, nothing half there, and afterwards it goes on."""

import os
import subprocess

import pytest

from gdbench.errors import GdbenchError
from gdbench.evaluation import evaluate
from gdbench.leaderboard.site import build, differences
from gdbench.models.baselines import Random
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from tests.faults.conftest import timeless


def mount(*options):
    subprocess.run(["mount", *options], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"a file system cannot be mounted here: {error.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk, left):
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(b"x" * (free.f_bavail * free.f_frsize - left))


@pytest.mark.parametrize("left", range(0, 53_000, 8192))
def test_evaluate_on_a_full_disk(left, run, disk, tmp_path):
    whole = timeless(run(tmp_path / "whole"))
    fill(disk, left)
    with pytest.raises(GdbenchError, match="no space left"):
        run(disk / "run")
    assert not list(disk.rglob("*.tmp"))
    (disk / "ballast").unlink()
    assert timeless(run(disk / "run")) == whole


@pytest.mark.parametrize("left", [0, 4096, 8192])
def test_submit_on_a_full_disk(left, disk, tmp_path):
    out = tmp_path / "run"
    evaluate(Random(), [TASKS.get("winoground")], out, suite="mini", limit=20)
    to = disk / "submissions"
    fill(disk, left)
    with pytest.raises(GdbenchError, match="no space left"):
        submit(out, to)
    assert [p.name for p in disk.iterdir()] == ["ballast"]
    (disk / "ballast").unlink()
    (place,), report = submit(out, to)
    assert report.ok
    old = (place / "record.json").read_bytes()
    fill(disk, left)
    with pytest.raises(GdbenchError, match="no space left"):
        submit(out, to, replace=True)
    assert (place / "record.json").read_bytes() == old
    assert verify(to).ok


def test_a_board_on_a_full_disk(disk, tmp_path):
    out = tmp_path / "run"
    evaluate(Random(), [TASKS.get("winoground")], out, suite="mini", limit=5)
    mount("-o", "remount,size=16m", str(disk))
    site = disk / "site"
    fill(disk, 100_000)
    with pytest.raises(GdbenchError, match="No space left"):
        build(None, site, runs=[out])
    (disk / "ballast").unlink()
    build(None, site, runs=[out])
    assert differences(None, site, runs=[out]) == []


def test_a_read_only_folder_is_one_line(run, disk):
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(GdbenchError, match=r"cannot write .*Read-only file system"):
        run(disk / "run")
