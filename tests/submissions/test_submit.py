import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdbench.errors import InputError
from gdbench.leaderboard.judge.reading import budget_curve
from gdbench.records import ResultRecord
from gdbench.store import ScoreLog, hash_scores
from gdbench.submissions.finished import open_finished, open_record
from gdbench.submissions.levels import Level
from gdbench.submissions.manifest import Manifest, ManifestSource, pinned_name
from gdbench.submissions.merkle import root_of
from gdbench.submissions.results import samples_of
from gdbench.submissions.scores import encode, read_scores
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from gdbench.tasks.base import limited, manifest_sha256


def record_at(folder):
    return ResultRecord.model_validate_json((folder / "record.json").read_bytes())


def test_a_submission_holds_record_and_float32_scores(pristine):
    folder = pristine / "hashing/1/winoground"
    assert sorted(p.name for p in folder.iterdir()) == ["record.json", "scores.parquet"]
    assert str(pq.read_schema(folder / "scores.parquet").field("score").type) == "float"
    record = record_at(folder)
    assert record.scores_sha256 == hash_scores(ScoreLog(folder).read())
    assert record.environment.packages["numpy"]
    assert record.log_sha256 is None


def test_errors_stay_behind_and_their_hash_is_kept(pristine, runs):
    folder, run = pristine / "denoising/2/winoground", runs / "denoising/winoground"
    record, original = record_at(folder), record_at(run)
    assert "errors" not in pq.read_schema(folder / "scores.parquet").names
    assert record.log_sha256 == original.scores_sha256 == hash_scores(ScoreLog(run).read())
    assert record.scores_sha256 == hash_scores(ScoreLog(folder).read())
    assert record.metrics == original.metrics  # the Monte-Carlo part is kept as reported
    assert record.metric("text").noise_se > 0


def test_with_errors_everything_is_recomputed(runs, tmp_path):
    to = tmp_path / "submissions"
    _, report = submit(runs / "denoising", to, with_errors=True)
    assert report.ok, report.problems
    folder = to / "denoising/2/winoground"
    made = record_at(folder)
    assert made.items_root is not None
    assert made.model_copy(update={"items_root": None}) == record_at(runs / "denoising/winoground")
    raw = json.loads((folder / "record.json").read_text())
    raw["metrics"][0]["noise_se"] *= 1.01
    (folder / "record.json").write_text(json.dumps(raw))
    assert "noise_se" in verify(to).problems[0].problem


def test_small_errors_are_kept_and_give_the_curve_of_the_budget(runs, tmp_path):
    (place,), report = submit(runs / "denoising", tmp_path / "submissions")
    assert report.ok, report.problems
    finished = open_finished(place, ManifestSource())
    assert finished.file.with_errors
    nested = finished.record.settings.model_copy(update={"schedule": "nested"})
    record = finished.record.model_copy(update={"settings": nested})
    curve = budget_curve(replace(finished, record=record))
    assert [k for k, _ in curve] == [1, 2, 5, 10, 12]
    # the last point is the score itself, and the first one that of the first timestep alone
    assert curve[-1][1].value == pytest.approx(record.score, abs=1e-12)
    first = [s.errors[..., 0] - s.unconditional_errors[:, None, 0] for s in finished.scores]
    right = [((e[0, 0] < e[0, 1]) + 0.0, (e[1, 1] < e[1, 0]) + 0.0) for e in first]
    text = np.mean([a * b for a, b in right])
    samples = samples_of(finished.task, finished.labels, [-e for e in first])
    assert samples["text"].mean(samples["text"].expected) == pytest.approx(text)
    assert all(e.low < e.value < e.high for _, e in curve)


def test_large_errors_are_left_out_and_it_is_said(runs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("gdbench.submissions.submit.ERRORS_BYTES", 5000)
    (place,), report = submit(runs / "denoising", tmp_path / "submissions")
    assert report.ok, report.problems
    assert not open_finished(place).file.with_errors
    assert "--with-errors keeps them" in caplog.text


@pytest.mark.parametrize("column", ["errors", "unconditional_errors"])
def test_an_error_that_was_changed_is_found(runs, tmp_path, edit, column):
    """Even where every hash is made again: the scores no longer follow."""
    (place,), _ = submit(runs / "denoising", tmp_path / "submissions")
    scores = list(open_finished(place).scores)
    changed = getattr(scores[0], column).copy()
    changed.flat[0] += 1
    scores[0] = replace(scores[0], **{column: changed})
    (place / "scores.parquet").write_bytes(encode(scores, errors=True))
    root = root_of(scores, open_record(place / "record.json").settings.noise_sha256)
    edit(place, lambda raw: raw.update(scores_sha256=hash_scores(scores), items_root=root))
    assert any("do not follow from the errors" in p.problem for p in verify(place).problems)


def test_scores_that_do_not_follow_from_their_errors(runs, tmp_path):
    to = tmp_path / "submissions"
    submit(runs / "denoising", to, with_errors=True)
    folder = to / "denoising/2/winoground"
    table = pq.read_table(folder / "scores.parquet")
    score = table.column("score").to_numpy().copy()
    score[0] += 0.25
    index = table.schema.get_field_index("score")
    import pyarrow as pa

    pq.write_table(table.set_column(index, "score", pa.array(score)), folder / "scores.parquet")
    assert any("do not follow from the errors" in p.problem for p in verify(to).problems)


def test_a_taken_place_is_not_overwritten_by_accident(runs, pristine, tmp_path):
    to = shutil.copytree(pristine, tmp_path / "submissions")
    with pytest.raises(InputError, match="--replace"):
        submit(runs / "hashing", to)
    _, report = submit(runs / "hashing", to, replace=True)
    assert report.ok
    assert verify(to).ok


def test_a_row_has_one_setting(runs, pristine, tmp_path, edit):
    to = shutil.copytree(pristine, tmp_path / "submissions")
    there = to / "hashing/1"
    shutil.rmtree(there / "winoground")
    edit(there / "bias", lambda raw: raw["settings"].update(seed=7))
    with pytest.raises(InputError, match=r"winoground has not the seed of .*bias, .*one setting"):
        submit(_part(runs / "hashing", tmp_path / "part", "winoground"), to)
    assert not (there / "winoground").exists()
    # who replaces all of a row changes its setting
    _, report = submit(runs / "hashing", to, replace=True)
    assert report.ok
    assert verify(to).ok


def _part(run, to, task):
    """A run with one of its tasks."""
    return shutil.copytree(
        run, to, ignore=lambda folder, names: {n for n in names if folder == str(run)
                                               and n not in (task, "run.json")},
    )  # fmt: skip


def test_a_log_that_changed_after_the_run_is_refused(runs, tmp_path):
    run = shutil.copytree(runs / "hashing", tmp_path / "run")
    log = run / "winoground/scores.parquet"
    table = pq.read_table(log)
    index = table.schema.get_field_index("score")
    import pyarrow as pa

    score = table.column("score").to_numpy().copy()
    score[0] = np.nextafter(score[0], np.float32(9e9))
    pq.write_table(table.set_column(index, "score", pa.array(score)), log)
    with pytest.raises(InputError, match=r"not the scores of record\.json"):
        submit(run, tmp_path / "submissions")
    assert not (tmp_path / "submissions").exists()


def test_a_record_that_does_not_verify_is_not_written(runs, tmp_path, edit):
    run = shutil.copytree(runs / "hashing", tmp_path / "run")
    edit(run / "winoground", lambda raw: raw.update(score=0.9))
    _, report = submit(run, tmp_path / "submissions")
    assert not report.ok
    assert not (tmp_path / "submissions").exists()


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_no_run(what, tmp_path):
    folder = tmp_path / what
    if what == "empty":
        folder.mkdir()
    with pytest.raises(InputError, match=r"no such folder|no finished task"):
        submit(folder, tmp_path / "submissions")


def test_the_manifest_is_that_of_the_task():
    task = TASKS.get("winoground")
    items = list(task.items("mini"))
    manifest = ManifestSource().get(task, "mini", None)
    assert manifest.sha256(manifest.labels) == manifest_sha256(items)
    assert manifest.limited(20, 3) == [i.id for i in limited(items, 20, 3)]
    assert list(manifest.labels.values()) == [i.label for i in items]


def test_a_pinned_manifest_stands_in_for_the_items(tmp_path):
    task = TASKS.get("winoground")
    manifest = ManifestSource().get(task, "mini", None)
    path = tmp_path / "winoground" / pinned_name("mini", None)
    manifest.save(path)
    loaded = Manifest.load(path)
    assert (loaded.labels, loaded.digests) == (manifest.labels, manifest.digests)
    found = ManifestSource(pinned=tmp_path).get(task, "mini", None)
    assert found.digests == manifest.digests
    path.write_bytes(b"no manifest")
    with pytest.raises(InputError, match="is not a manifest"):
        Manifest.load(path)


def rename_items(folder, edit):
    """Items that no suite here has, as those of a suite whose data is elsewhere would be."""
    frame = pq.read_table(folder / "scores.parquet").to_pandas()
    frame["item"] = ["elsewhere/" + name for name in frame["item"]]
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "scores.parquet")
    digest = hash_scores(read_scores(folder / "scores.parquet").scores)
    edit(folder, lambda raw: raw.update(scores_sha256=digest))


def test_without_items_nothing_is_known(tree, edit):
    folder = tree / "hashing/1/winoground"
    rename_items(folder, edit)
    edit(folder, lambda raw: raw["task"].update(suite="full", n_expected=400))
    report = verify(folder)
    assert [p.check for p in report.problems] == ["unavailable"]
    assert report.submissions[0].level is Level.UNAVAILABLE


def test_items_of_the_mini_suite_are_not_the_full_one_s(tree, edit):
    folder = tree / "hashing/1/winoground"
    edit(folder, lambda raw: raw["task"].update(suite="full", n_expected=400))
    report = verify(folder)
    assert {p.check for p in report.problems} == {"unavailable", "manifest"}
    assert report.submissions[0].level is Level.FAILED
