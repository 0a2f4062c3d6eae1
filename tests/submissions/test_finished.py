"""Old, damaged and foreign files: every command that reads finished work gives one verdict."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tampering import flipped_byte, record_edit, score_edit, truncated_parquet
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import GdbenchError
from gdbench.evaluation import evaluate
from gdbench.models.baselines import Random
from gdbench.records import SCHEMA_VERSION
from gdbench.store import ScoreLog
from gdbench.submissions.finished import open_finished, open_run
from gdbench.submissions.hub import files_of
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.migrate import _signature_1
from gdbench.submissions.scores import encode
from gdbench.tasks import TASKS

GOLDEN = Path(__file__).parent.parent / "golden/records"
TASK = Path("denoising/2/winoground")
runner = CliRunner()


def golden(version):
    """The record's fields as that version wrote them, with this run's content."""

    def change(raw):
        if version == 0:
            raw["task"]["manifest"] = raw["task"].pop("manifest_sha256")
            raw["seed"] = raw["settings"].pop("seed")
            raw["metrics"] = {m.pop("name"): m for m in raw["metrics"]}
            del raw["schema_version"]
        else:
            raw["schema_version"] = version
        if version < SCHEMA_VERSION:
            for name in ("content", "resampling_seed"):
                del raw[name]
            del raw["task"]["item_seed"]
            raw["signature"] = _signature_1(raw).removesuffix("1") + str(version)

    return record_edit(change, TASK)


def truncated_json(tree):
    path = tree / TASK / "record.json"
    path.write_bytes(path.read_bytes()[:-40])


def not_a_number(tree):
    record_edit(lambda raw: raw.update(score=float("nan")), TASK)(tree)


def infinite_score(frame):
    frame.loc[5, "score"] = np.float32("inf")
    return frame


def moved(frame):
    frame["score"] += np.float32(1)
    return frame


def drop_row(frame):
    return frame.iloc[:-1]


def foreign_scores(tree):
    """The scores of other items: those of the whole suite's last ones."""
    folder = tree.parent / "foreign"
    evaluate(Random(), [TASKS.get("svo")], folder, suite="mini", limit=5)
    shutil.copy(folder / "svo/scores.parquet", tree / TASK)


def emptied(tree):
    for path in (tree / TASK).iterdir():
        path.unlink()


def linked(tree):
    path = tree / TASK / "scores.parquet"
    path.rename(tree.parent / "elsewhere.parquet")
    path.symlink_to(tree.parent / "elsewhere.parquet")


def markup(tree):
    record_edit(lambda raw: raw["model"].update(description="<b>best</b>"), TASK)(tree)


def at_task(tamper):
    """A tampering of another test, done to the task of this one."""

    def change(tree):
        other = tree.parent / "other/hashing/1"
        other.mkdir(parents=True)
        (tree / TASK).rename(other / "winoground")
        tamper(tree.parent / "other")
        (other / "winoground").rename(tree / TASK)

    return change


DAMAGES = {
    "future": (record_edit(lambda raw: raw.update(schema_version=99), TASK), "use a newer gdbench"),
    "truncated_json": (truncated_json, "is not JSON"),
    "nan": (not_a_number, "NaN"),
    "markup": (markup, "markup"),
    "missing_scores": (lambda tree: (tree / TASK / "scores.parquet").unlink(), "is not there"),
    "other_scores": (score_edit(moved, TASK), "not the scores of record.json"),
    "foreign_scores": (foreign_scores, r"not in the task|rows|not the scores"),
    "infinity": (score_edit(infinite_score, TASK), "inf"),
    "truncated_parquet": (at_task(truncated_parquet), "not a Parquet file"),
    "flipped_byte": (at_task(flipped_byte), r"cannot be|not the scores"),
    "extra_columns": (score_edit(lambda f: f.assign(extra=1), TASK), "columns"),
    "wrong_shape": (score_edit(drop_row, TASK), "has 3 scores, expected 2 x 2"),
    "emptied": (emptied, r"no finished task|is not there|does not belong"),
    "link": (linked, r"cannot be opened|links are not followed"),
}
# Without its scores a submission is shown on the board as its record tells it.
SHOWN_AS_REPORTED = {("missing_scores", "build")}


@pytest.fixture(scope="session")
def with_errors(runs, tmp_path_factory):
    """A folder of submissions that has a single one, with its per-timestep errors."""
    to = tmp_path_factory.mktemp("finished") / "submissions"
    folder = to / TASK
    folder.mkdir(parents=True)
    run = runs / "denoising/winoground"
    shutil.copy(run / "record.json", folder)
    scores = list(ScoreLog(run).read())
    (folder / "scores.parquet").write_bytes(encode(scores, errors=True))
    return to


@pytest.fixture
def submissions(with_errors, tmp_path):
    return shutil.copytree(with_errors, tmp_path / "submissions")


@pytest.fixture
def folder(submissions, runs):
    """The revision's folder is a run directory too."""

    def made():
        run = submissions.parent / "run"
        shutil.copytree(submissions / TASK.parent, run, symlinks=True)
        shutil.copy(runs / "denoising/run.json", run)
        return run

    return made


def words(verb, submissions, run, tmp_path):
    """The command line of a verb."""
    return {
        "score": ["score", run],
        "submit": ["submit", run, "--to", tmp_path / "to"],
        "stopping": ["stopping", run],
        "compare": ["compare", run, submissions / TASK.parent],
        "verify": ["verify", submissions],
        "verify_run": ["verify", run],
        "build": ["leaderboard", "build", "--submissions", submissions, "--out", tmp_path / "site"],
        "build_runs": ["leaderboard", "build", "--submissions", tmp_path / "none", "--runs", run,
                       "--out", tmp_path / "site"],
        "audit": ["audit", submissions],
    }[verb]  # fmt: skip


VERBS = ("score", "submit", "stopping", "compare", "verify", "verify_run", "build", "build_runs",
         "audit")  # fmt: skip


def call(verb, submissions, run, tmp_path):
    """Exit code and all that was printed; the line of an error as `main` prints it."""
    (tmp_path / "none").mkdir(exist_ok=True)
    result = runner.invoke(app, [str(w) for w in words(verb, submissions, run, tmp_path)])
    if isinstance(result.exception, GdbenchError):
        return 2, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_damage_is_one_line_everywhere(name, verb, submissions, folder, tmp_path):
    damage, text = DAMAGES[name]
    damage(submissions)
    code, said = call(verb, submissions, folder(), tmp_path)
    if (name, verb) in SHOWN_AS_REPORTED:
        assert code == 0
        return
    if verb in ("verify", "verify_run", "audit"):
        assert code == 1
        assert "Traceback" not in said
    else:
        assert code == 2
        assert "\n" not in said
    assert re.search(text, said), said


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("version", range(SCHEMA_VERSION + 1))
def test_old_versions_are_read_everywhere(version, verb, submissions, folder, tmp_path):
    golden(version)(submissions)
    code, said = call(verb, submissions, folder(), tmp_path)
    # it is read, but its model is not here to be run again
    assert code == (1 if verb == "audit" else 0), said
    assert verb != "audit" or "not audited: 'denoising' is not registered" in said


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_only_what_verifies_is_uploaded(name, submissions, folder):
    DAMAGES[name][0](submissions)
    for place in (submissions, folder()):
        if name == "missing_scores":  # nothing is wrong with what is there
            assert files_of(place)
            continue
        with pytest.raises(GdbenchError) as caught:
            files_of(place)
        assert "\n" not in str(caught.value)


def test_a_run_and_its_submission_read_the_same(runs, pristine):
    source = ManifestSource()
    for run in open_run(runs / "hashing", source):
        other = open_finished(pristine / "hashing/1" / run.folder.name, source)
        assert run.digest == other.digest == run.record.scores_sha256
        assert run.labels == other.labels
        assert [s.item_id for s in run.scores] == [label.id for label in run.labels]


def test_without_the_items_scores_are_read_and_labels_are_refused(runs):
    finished = open_finished(runs / "hashing/winoground")
    assert len(finished.scores) == finished.record.task.n_items
    with pytest.raises(GdbenchError, match="items were not read"):
        _ = finished.labels


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda p: p.stem)
def test_golden_records_without_scores_say_so(path, tmp_path):
    (tmp_path / "winoground").mkdir()
    shutil.copy(path, tmp_path / "winoground/record.json")
    with pytest.raises(GdbenchError, match=r"scores.parquet: is not there"):
        list(open_run(tmp_path))
