"""`gdbench refresh`: derived numbers come again from the scores, and nothing else moves."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError
from gdbench.records import ResultRecord
from gdbench.run_folder import read_record, write_record
from gdbench.submissions.refresh import refresh
from gdbench.submissions.verify import verify


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def old(raw):
    """A record as older statistics made it: other intervals, and a noise error."""
    for metric in raw["metrics"]:
        if metric["low"] is not None:
            metric["low"] = metric["value"]
        metric["noise_se"] = 0.5
        metric["samples_to_halve_noise"] = 48
    raw["score_low"] = raw["score_high"] = None


def test_records_that_are_as_they_should_be_stay(tree):
    before = snapshot(tree / "hashing")
    assert refresh(tree / "hashing") == []
    assert snapshot(tree / "hashing") == before


def test_old_statistics_come_again_from_the_scores(tree, edit):
    before = snapshot(tree)
    place = tree / "hashing/1/winoground"
    edit(place, old)
    assert {p.check for p in verify(tree).problems} == {"metric", "score"}
    (result,) = refresh(place)
    assert (result.path, result.refused) == ("hashing/1/winoground", "")
    after = result.after.metric("text")
    phrase = f"text {after.value:.3f} ({after.value:.3f} to {after.high:.3f}) -> "
    assert any(
        change.startswith(phrase) and f"({after.low:.3f} to" in change
        for change in result.changes()
    )
    assert snapshot(tree) == before
    assert verify(tree).ok


def test_errors_of_the_noise_that_nobody_can_check_are_dropped(tree, edit):
    place = tree / "denoising/2/winoground"
    edit(place, old)
    (result,) = refresh(place)
    assert any("text without noise error" in change for change in result.changes())
    assert all(m.noise_se is None for m in result.after.metrics)
    assert all(m.samples_to_halve_noise is None for m in result.after.metrics)
    assert result.after.cost == result.before.cost
    assert result.after.scores_sha256 == result.before.scores_sha256


@pytest.mark.parametrize(
    "wrong",
    [
        lambda raw: raw["cost"].update(wall_seconds=-1),
        lambda raw: raw.update(scores_sha256="0" * 64),
        lambda raw: raw["task"].update(n_items=1),
    ],
    ids=["cost", "scores", "items"],
)
def test_a_record_that_is_wrong_in_more_is_left_as_it_is(tree, edit, wrong):
    place = tree / "hashing/1/winoground"
    edit(place, lambda raw: (old(raw), wrong(raw)))
    before = snapshot(tree)
    (result,) = refresh(place)
    assert result.refused
    assert result.after == result.before
    assert snapshot(tree) == before


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError):
        refresh(tmp_path / "nowhere")


def test_the_verb(tree, edit):
    place = tree / "hashing/1/winoground"
    edit(place, old)
    before = snapshot(tree)
    dry = CliRunner().invoke(app, ["refresh", str(tree / "hashing"), "--dry-run"])
    assert dry.exit_code == 0
    assert "1 records would change, 0 were left as they are" in dry.output
    assert snapshot(tree) == before
    done = CliRunner().invoke(app, ["refresh", str(place)])
    assert done.exit_code == 0
    assert "1 records changed, 0 were left as they are" in done.output
    assert json.loads((place / "record.json").read_text())["score_low"] is not None
    edit(place, lambda raw: raw["cost"].update(wall_seconds=-1))
    refused = CliRunner().invoke(app, ["refresh", str(tree / "hashing")])
    assert refused.exit_code == 1
    assert "0 records changed, 1 were left as they are" in refused.output


def test_a_run_is_refreshed_with_its_checksum(runs, tmp_path):
    run = shutil.copytree(runs / "denoising", tmp_path / "run")
    before = snapshot(run)
    record = read_record(run / "winoground")
    noise = [m.noise_se for m in record.metrics]
    assert any(noise)
    raw = record.model_dump()
    old(raw)
    write_record(run / "winoground", ResultRecord.model_validate(raw))
    assert snapshot(run) != before
    (result,) = refresh(run)
    # a run has its errors, so that those of the noise come again
    assert [m.noise_se for m in result.after.metrics] == noise
    assert snapshot(run) == before
