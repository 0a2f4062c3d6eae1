from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.protocol import ModelCard
from gdbench.records import ModelSettings
from gdbench.scoring import score_stream
from gdbench.submissions.badges import Badge, Logs, badge
from gdbench.submissions.rescore import (
    NotAtHandError,
    chosen,
    parse_share,
    registered,
    rescore_one,
    rescore_report,
)
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS


def badges(report):
    return {v.place.path: (v.badge, v.reason) for v in report.submissions}


def withdraw(tree, path, reason="trained on the test set"):
    (tree / "INVALIDATED.toml").write_text(
        f'[[invalidated]]\npath = "{path}"\nreason = "{reason}"\ndate = "2026-01-31"\n'
    )


@pytest.mark.parametrize(
    ("path", "n"), [("hashing", 2), ("hashing/1", 2), ("hashing/1/bias", 1), ("hash", 0)]
)
def test_invalidations_cover_what_is_below_them(tree, path, n):
    withdraw(tree, path)
    found = badges(verify(tree))
    assert list(found.values()).count((Badge.INVALIDATED, "trained on the test set")) == n


def test_the_log_holds_for_a_part_of_the_tree_too(tree):
    withdraw(tree, "hashing/1")
    assert badges(verify(tree / "hashing/1/bias"))["hashing/1/bias"][0] is Badge.INVALIDATED


def test_withdrawn_results_do_not_fail_the_rest(tree, edit):
    edit(tree / "hashing/1/winoground", lambda raw: raw.update(score=0.99))
    assert not verify(tree).ok
    withdraw(tree, "hashing/1/winoground")
    assert verify(tree).ok


@pytest.mark.parametrize(
    "text",
    [
        "[[other]]\na = 1\n",
        '[[invalidated]]\npath = "a"\n',
        '[[invalidated]]\npath = "../a"\nreason = "r"\ndate = "2026-01-31"\n',
        '[[invalidated]]\npath = "a"\nreason = " "\ndate = "2026-01-31"\n',
        '[[invalidated]]\npath = "a"\nreason = "r"\ndate = "soon"\n',
        'invalidated = "all"\n',
    ],
)
def test_a_broken_entry_is_a_problem_and_has_no_effect(tree, text):
    (tree / "INVALIDATED.toml").write_text(text)
    report = verify(tree)
    assert [p.check for p in report.problems] == ["log"]
    assert Badge.INVALIDATED not in {v.badge for v in report.submissions}


def test_the_strongest_reason_wins():
    flags = {
        "invalidated": False,
        "failed": False,
        "recomputed": True,
        "partial": False,
        "rescored": False,
    }
    assert badge(**flags) is Badge.RECOMPUTED
    assert badge(**flags | {"rescored": True}) is Badge.RESCORED
    assert badge(**flags | {"rescored": True, "partial": True}) is Badge.PARTIAL
    assert badge(**flags | {"recomputed": False}) is Badge.REPORTED
    assert badge(**flags | {"failed": True, "rescored": True}) is Badge.FAILED
    assert badge(**flags | {"failed": True, "invalidated": True}) is Badge.INVALIDATED


@pytest.fixture
def complete(tmp_path):
    """A complete submission of the seeded random baseline."""
    from gdbench.models.baselines import Random

    evaluate(Random(), [TASKS.get("winoground")], tmp_path / "run", suite="mini")
    submit(tmp_path / "run", tmp_path / "submissions")
    return tmp_path / "submissions"


def test_rescoring_runs_the_registered_model_and_is_logged_by_hash(complete):
    report = verify(complete)
    assert badges(report) == {"random/1/winoground": (Badge.RECOMPUTED, "")}
    after, done = rescore_report(report, 0.05, folder=complete, record=True)
    assert after.ok
    assert [(r.items, r.max_difference) for r in done] == [(5, 0.0)]
    assert badges(verify(complete))["random/1/winoground"][0] is Badge.RESCORED
    # The log speaks of these very scores: typed for others it has no effect.
    log = complete / "RESCORED.toml"
    entry = Logs.read(complete).rescored[0]
    log.write_text(log.read_text().replace(entry.scores_sha256, "0" * 64))
    assert badges(verify(complete))["random/1/winoground"][0] is Badge.RECOMPUTED


def test_rescoring_finds_invented_scores(tree):
    """Scores that are consistent in themselves, but are not the model's."""
    from gdbench.models.baselines import Random

    class Liar(Random):
        def score(self, images, texts):
            return super().score(images, texts) + 0.1

    report = verify(tree)
    named = {v.place.path: v for v in report.submissions}["hashing/1/winoground"]

    class Other:
        card = named.record.model
        content = named.record.content
        settings = named.record.settings

        def score(self, images, texts):
            return Liar().score(images, texts)

    after, done = rescore_report(report, 0.2, folder=tree, load=lambda record: Other())
    found = {p.path: p for p in after.problems}
    assert "differ by up to" in found["hashing/1/winoground"].problem
    assert badges(after)["hashing/1/winoground"][0] is Badge.FAILED
    # other content than the record's is not run, which is no fault of the record
    assert "denoising/2/winoground" not in found
    skipped = {r.path: r.skipped for r in done}
    assert skipped["denoising/2/winoground"] == "here is other content: errors, hash"
    assert badges(after)["denoising/2/winoground"][0] is Badge.PARTIAL


@pytest.mark.parametrize(("task", "counts"), [("clevr", False), ("svo", True)])
def test_what_moves_all_texts_of_a_picture_does_not_count_in_text_retrieval(task, counts):
    """One picture and two texts, or two pictures and one text: all scores moved by a constant."""
    from gdbench.models.baselines import Random

    items, model = list(islice(TASKS.get(task).items("mini"), 6)), Random()
    scores = [s for _, s in score_stream(model, items)]
    moved = [replace(s, matrix=s.matrix + 0.5) for s in scores]
    n, worst = rescore_one(model, items, moved, 1.0, 0)
    assert n == len(items)
    assert (worst > 0.1) is counts
    bent = [replace(s, matrix=s.matrix + np.arange(2).reshape(s.matrix.shape)) for s in scores]
    assert rescore_one(model, items, bent, 1.0, 0)[1] > 0.1


def test_another_model_of_the_same_revision_is_a_problem(tree, edit):
    class Other:
        card = ModelCard(name="other", revision="1")
        content = verify(tree / "hashing").submissions[0].record.content
        settings = ModelSettings()

        def score(self, images, texts):
            raise AssertionError

    after, _ = rescore_report(
        verify(tree / "hashing"), 0.2, folder=tree, load=lambda record: Other()
    )
    assert {p.problem for p in after.problems} == {
        "the model here is 'other', the record has 'hashing'"
    }


def test_a_record_s_name_is_looked_up_and_nothing_is_downloaded(tree):
    after, done = rescore_report(verify(tree), 0.1, folder=tree, record=True)
    assert after.ok
    assert all("not registered" in r.skipped for r in done)
    assert not (tree / "RESCORED.toml").exists()


def test_names_of_controls(tree):
    record = verify(tree).submissions[0].record

    def named(name):
        return record.model_copy(update={"model": record.model.model_copy(update={"name": name})})

    assert registered(named("random")) == "random"
    assert registered(named("text-only-random")) == "control:text-only:random"
    for name in ("text-only-x", "sd3.5-medium", "..", "random.py"):
        with pytest.raises(NotAtHandError):
            registered(named(name))


def test_the_sample_is_seeded_and_never_empty():
    ids = [f"i{i}" for i in range(200)]
    assert len(chosen(ids, 0.01, 0)) == 2
    assert chosen(ids, 0.1, 1) == chosen(ids[::-1], 0.1, 1)
    assert chosen(ids, 0.1, 1) != chosen(ids, 0.1, 2)
    assert chosen(ids, 0.05, 1) < chosen(ids, 0.1, 1)
    assert len(chosen(["a"], 0.01, 0)) == 1


def test_shares():
    assert parse_share("1%") == pytest.approx(0.01)
    assert parse_share("0.25") == 0.25
    for wrong in ("0", "101%", "x", "-1%", "nan", "%"):
        with pytest.raises(InputError, match="--rescore"):
            parse_share(wrong)
