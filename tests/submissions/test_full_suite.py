"""A suite whose data is elsewhere: pinned once, then verified without pictures, and run again."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.leaderboard.site import make
from gdbench.models.baselines import Random
from gdbench.submissions import manifest
from gdbench.submissions.levels import Level
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
import data_trees

runner = CliRunner()


def levels(folder, source=None, log=None):
    return [v.level for v in verify(folder, source, log=log).submissions]


def test_an_honest_full_suite_submission_from_submit_to_the_board(tmp_path, monkeypatch):
    """Drawn pictures under annotations in the published layout, all 400 items of Winoground."""
    data, pinned, submissions = (tmp_path / n for n in ("data", "manifests", "submissions"))
    data_trees.winoground(data, 400)
    evaluate(Random(), [TASKS.get("winoground")], tmp_path / "run", suite="full", root=data)
    _, report = submit(tmp_path / "run", submissions, source=ManifestSource(data))
    assert report.ok, report.problems
    # without the data nothing can be said of it, and that is no pass
    assert levels(submissions) == [Level.UNAVAILABLE]
    assert not verify(submissions).ok

    words = ["data", "pin", "winoground", "--root", str(data), "--to", str(pinned), "--json"]
    answer = runner.invoke(app, words)
    assert answer.exit_code == 0, answer.output
    (row,) = json.loads(answer.stdout)["pinned"]
    record = report.submissions[0].record
    assert row["manifest_sha256"] == record.task.manifest_sha256
    assert b"cup" not in Path(row["path"]).read_bytes()  # hashes and labels, no texts
    source = ManifestSource(pinned=pinned)
    assert levels(submissions, source) == [Level.CONSISTENT]

    audited = ["audit", str(submissions), "--root", str(data), "--record"]
    assert runner.invoke(app, audited).exit_code == 0
    assert levels(submissions, source) == [Level.AUDITED]
    _, board = make(submissions, source=source)
    (pool,) = board.pools
    assert pool.pool.suite == "full"
    assert pool.rows[0].trust.badge == "audited"
    _, board = make(submissions)
    assert board.pools[0].rows[0].trust.badge == "unavailable"
    assert board.pools[0].rows[0].place is None
    assert runner.invoke(app, ["verify", str(submissions)]).exit_code == 1

    # pinned manifests that come with the package need no flag, in CI as anywhere
    monkeypatch.setattr(manifest, "SHIPPED", pinned)
    manifest._cached.cache_clear()
    try:
        assert levels(submissions) == [Level.AUDITED]
        assert runner.invoke(app, ["verify", str(submissions)]).exit_code == 0
        _, board = make(submissions)
        assert board.pools[0].rows[0].trust.badge == "audited"
    finally:
        manifest._cached.cache_clear()


def test_only_a_whole_task_is_pinned(tmp_path):
    data_trees.winoground(tmp_path / "data", 7)
    with pytest.raises(InputError, match="only a whole task is pinned"):
        app(["data", "pin", "winoground", "--root", str(tmp_path / "data"),
             "--to", str(tmp_path / "m")], standalone_mode=False)  # fmt: skip
    assert not (tmp_path / "m").exists()
