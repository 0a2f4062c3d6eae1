"""Running a part of a submission again: what is drawn, what is found, what is no pass."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.protocol import ModelCard, Scores
from gdbench.records import ModelSettings
from gdbench.submissions.agreement import Spread, compare, spread_between
from gdbench.submissions.at_hand import NotAtHandError, registered
from gdbench.submissions.audit import Wanted, audit, parse_share, record_audit
from gdbench.submissions.draw import Questions, drawn, miss, plan, seed_of, smallest_found
from gdbench.submissions.levels import Level
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS

SOURCE = ManifestSource()


def even(n, n_tasks=1):
    return Questions(tuple(f"i{k}" for k in range(n)), np.full(n, 1 / n / n_tasks))


# How many items, and which


def test_the_items_of_one_task_are_the_hypergeometric_number():
    task = {"t": even(400)}
    n = plan(task, 0.02, 0.99)["t"]
    missed = [math.comb(392, k) / math.comb(400, k) for k in (n, n - 2)]
    assert missed[0] <= 0.01 < missed[1]
    assert smallest_found(task["t"], n, 0.99) == 8


SUITE = {f"t{i}": even(n, 7) for i, n in enumerate((100, 148, 200, 200, 300, 400, 700))}


def forgeries(rng):
    """Forged items by task that add up to two points, in every style: one task, all, at random."""
    names = list(SUITE)
    for style in [*names, "all", "cheapest", "random", "random"]:
        left, forged = 0.02, dict.fromkeys(names, 0)
        while left > 1e-12:
            name = {"all": min(names, key=lambda t: forged[t] / SUITE[t].n),
                    "cheapest": max(names, key=lambda t: (SUITE[t].n - forged[t], t)),
                    "random": names[rng.integers(len(names))]}.get(style, style)  # fmt: skip
            if forged[name] >= SUITE[name].n:
                break
            forged[name] += 1
            left -= float(SUITE[name].gains[0])
        yield forged


def test_a_forgery_of_two_points_is_found_as_often_as_is_said():
    """The statement itself, by drawing as audits draw: for every way to forge two points."""
    n = plan(SUITE, 0.02, 0.99)
    surely = 1 - miss(SUITE, n, 0.02)
    assert surely >= 0.99
    assert sum(n.values()) < 260  # of 2048
    rng = np.random.default_rng(1)
    n_draws = 1500
    draws = [
        {name: drawn(q.ids, n[name], seed_of(f"draw {k}", {}), name) for name, q in SUITE.items()}
        for k in range(n_draws)
    ]
    for forged in forgeries(rng):
        bad = {name: set(SUITE[name].ids[:k]) for name, k in forged.items()}
        found = np.mean([any(bad[name] & draw[name] for name in draw) for draw in draws])
        assert found >= 0.99 - 3 * math.sqrt(0.99 * 0.01 / n_draws), forged


def test_heavy_items_are_drawn_more_often():
    heavy = Questions(even(40).ids, np.sort(np.r_[np.full(10, 0.05), np.full(30, 0.5 / 30)])[::-1])
    assert plan({"t": heavy}, 0.1, 0.99)["t"] > plan({"t": even(40)}, 0.1, 0.99)["t"]


def test_a_draw_depends_on_the_randomness_and_on_the_scores():
    ids = [f"i{k}" for k in range(200)]
    digests = {"m/1/svo": "0" * 64}
    a = drawn(ids, 20, seed_of("beacon 1", digests), "m/1/svo")
    assert a == drawn(ids[::-1], 20, seed_of("beacon 1", digests), "m/1/svo")
    assert a != drawn(ids, 20, seed_of("beacon 2", digests), "m/1/svo")
    assert a != drawn(ids, 20, seed_of("beacon 1", {"m/1/svo": "1" * 64}), "m/1/svo")
    assert len(a) == 20


# What is compared

CLEVR = TASKS.get("clevr")


def clevr_label():
    return next(iter(CLEVR.items("mini"))).label


def of(label, *values, errors=None):
    shape = (label.n_images, label.n_texts)
    return Scores(label.id, np.array(values, dtype=np.float32).reshape(shape), errors)


@pytest.mark.parametrize("spread", [0.0, 1e-3, 10.0])
def test_a_flip_is_never_hidden_by_a_tolerance(spread):
    label = clevr_label()
    found = compare(
        CLEVR, label, of(label, 30.0, 30.0001), of(label, 30.0001, 30.0), Spread(spread, spread)
    )
    assert found.flipped
    assert not found.agrees


def test_a_tie_that_was_made_is_a_flip():
    label = clevr_label()
    assert compare(CLEVR, label, of(label, 3.0, 3.0), of(label, 3.0, 2.99999), Spread(1.0)).flipped


def test_differences_are_held_against_the_model_s_own_spread():
    label = clevr_label()
    a, b = of(label, 30.0, 29.5), of(label, 30.0, 29.52)
    assert not compare(CLEVR, label, a, b, Spread(1e-5)).agrees
    assert compare(CLEVR, label, a, b, Spread(3e-4)).agrees
    # what moves all texts of a picture says nothing in text retrieval
    assert compare(CLEVR, label, a, of(label, 31.0, 30.5), Spread()).difference < 1e-5


def test_scores_that_are_differences_of_errors_have_the_rounding_of_the_errors():
    label = clevr_label()
    errors = np.full((1, 2, 5), 8.0, dtype=np.float32)
    before = of(label, 0.02, 0.01, errors=errors)
    again = of(label, 0.0200006, 0.0099994, errors=errors)
    assert compare(CLEVR, label, before, again, Spread()).agrees
    assert not compare(
        CLEVR, label, before, of(label, 0.021, 0.009, errors=errors), Spread()
    ).agrees
    swapped = of(label, 0.01, 0.0100001, errors=errors)
    assert compare(CLEVR, label, swapped, of(label, 0.0100001, 0.01), Spread()).flipped


def test_rounding_is_that_of_the_task_s_largest_scores():
    """A text-only control has scores near 0 in some items, which are sums of the same numbers."""
    label = clevr_label()
    before, again = of(label, 0.001, -0.001), of(label, 0.0010004, -0.0010004)
    assert not compare(CLEVR, label, before, again, Spread()).agrees
    assert compare(CLEVR, label, before, again, Spread(), 0.3).agrees
    # of the spread each item has its own
    assert not compare(
        CLEVR, label, of(label, 0.002, -0.002), again, Spread(scores=1e-4), 0.3
    ).agrees
    # and a flip stays one
    assert compare(
        CLEVR, label, of(label, 1e-7, 0.0), of(label, 0.0, 1e-7), Spread(), 100.0
    ).flipped


def test_forged_errors_are_found_and_other_timesteps_too():
    label = clevr_label()
    errors = np.full((1, 2, 5), 40.0, dtype=np.float32)
    bent = errors + np.linspace(0, 1, 5, dtype=np.float32)
    right = of(label, 3.0, 2.0, errors=errors)
    assert compare(CLEVR, label, right, right, Spread()).agrees
    assert (
        "errors differ"
        in compare(CLEVR, label, of(label, 3.0, 2.0, errors=bent), right, Spread()).fault
    )
    short = errors.copy()
    short[0, 0, 3:] = np.nan
    assert (
        "other timesteps"
        in compare(CLEVR, label, of(label, 3.0, 2.0, errors=short), right, Spread()).fault
    )


def test_the_spread_is_what_two_runs_differ_by():
    label = clevr_label()
    a, b = of(label, 50.0, 49.0), of(label, 50.0, 49.01)
    spread = spread_between([label.query], [a], [b])
    assert spread.scores == pytest.approx(0.005 / 50, rel=1e-3)


# Whole audits


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete submission of the seeded random baseline: one small task."""
    from gdbench.models.baselines import Random

    folder = tmp_path_factory.mktemp("complete")
    evaluate(Random(), [TASKS.get("winoground")], folder / "run", suite="mini")
    submit(folder / "run", folder / "submissions")
    return folder / "submissions"


def by_name(record):
    from gdbench.submissions.at_hand import loader

    return loader(None)(record)


def test_an_audit_is_logged_by_hash_and_gives_the_level(complete, tmp_path):
    report = verify(complete)
    (alone,) = report.submissions
    assert alone.level is Level.CONSISTENT
    done = audit(report, SOURCE, by_name, Wanted(randomness="beacon 7"))
    (task,) = done.tasks
    assert done.ok
    assert task.items == plan({"t": even(100)}, 0.02, 0.99)["t"]
    assert record_audit(done, report, tmp_path, "somebody") == 1
    assert verify(complete, log=tmp_path).submissions[0].level is Level.AUDITED
    whole = audit(report, SOURCE, by_name, Wanted(share=1.0))
    record_audit(whole, report, tmp_path, "somebody")
    assert verify(complete, log=tmp_path).submissions[0].level is Level.REPRODUCED


def test_a_weak_audit_is_shown_and_not_logged(complete, tmp_path):
    report = verify(complete)
    done = audit(report, SOURCE, by_name, Wanted(points=30.0))
    assert done.ok
    assert record_audit(done, report, tmp_path, "somebody") == 0


def test_invented_scores_are_found(tree):
    """Scores that are consistent in themselves, but are not the model's."""
    report = verify(tree / "hashing")
    record = report.submissions[0].record

    class Other:
        card, content, settings = record.model, record.content, record.settings

        def score(self, images, texts):
            return np.ones((len(images), len(texts)))

    done = audit(report, SOURCE, lambda _: Other())
    assert not done.ok
    assert all(not t.agrees for t in done.tasks)
    assert any(t.flips for t in done.tasks)


def test_another_model_or_other_content_is_no_pass(tree):
    report = verify(tree / "hashing")
    right = report.submissions[0].record.content

    class Other:
        card = ModelCard(name="other", revision="1")
        content = right
        settings = ModelSettings()

        def score(self, images, texts):
            raise AssertionError

    done = audit(report, SOURCE, lambda _: Other())
    assert {t.fault for t in done.tasks} == {"the model here is 'other', the record has 'hashing'"}
    Other.content = right.model_copy(update={"parts": {"hash": "3" * 64}})
    done = audit(report, SOURCE, lambda _: Other())
    assert {t.skipped for t in done.tasks} == {"here is other content: hash"}
    assert not done.ok


def test_a_model_that_never_says_the_same_twice_is_not_audited(tree):
    """Else a submitter could widen what counts as noise."""
    report = verify(tree / "hashing")
    record = report.submissions[0].record
    rng = np.random.default_rng(0)

    class Restless:
        card, content, settings = record.model, record.content, record.settings

        def score(self, images, texts):
            return rng.normal(size=(len(images), len(texts)))

    done = audit(report, SOURCE, lambda _: Restless())
    assert not done.ok
    assert all("nothing can be compared" in t.skipped for t in done.tasks)


def test_what_does_not_verify_is_not_run(tree, edit):
    edit(tree / "hashing/1/winoground", lambda raw: raw.update(score=0.99))
    done = audit(verify(tree / "hashing"), SOURCE, by_name)
    skipped = {t.path: t.skipped for t in done.tasks}
    assert skipped["hashing/1/winoground"].startswith("does not verify: score")


runner = CliRunner()


def test_a_model_that_is_not_at_hand_is_not_audited(tree):
    for words in (["audit", str(tree)], ["verify", str(tree), "--rescore", "1%"]):
        answer = runner.invoke(app, words)
        assert answer.exit_code == 1
        assert "not audited" in answer.output
    answer = runner.invoke(app, ["audit", str(tree), "--json"])
    assert answer.exit_code == 1
    data = json.loads(answer.stdout)
    assert data["ok"] is False
    assert all("not registered" in t["skipped"] for t in data["tasks"])


def test_the_command_prints_its_randomness_and_its_power(complete):
    answer = runner.invoke(app, ["audit", str(complete), "--randomness", "beacon 9"])
    assert answer.exit_code == 0, answer.output
    assert "a forgery of 2 points" in answer.output
    assert "items drawn by: beacon 9" in answer.output


@pytest.mark.parametrize(
    "words", [("--points", "0"), ("--power", "1"), ("--log", "nosuch"), ("--manifests", "nosuch")]
)
def test_options_are_checked(complete, words):
    with pytest.raises(InputError, match=words[0]):
        app(["audit", str(complete), *words], standalone_mode=False)


def test_names_of_controls(tree):
    record = verify(tree).submissions[0].record

    def named(name):
        return record.model_copy(update={"model": record.model.model_copy(update={"name": name})})

    assert registered(named("random")) == "random"
    assert registered(named("text-only-random")) == "control:text-only:random"
    for name in ("text-only-x", "sd3.5-medium", "..", "random.py"):
        with pytest.raises(NotAtHandError):
            registered(named(name))


def test_shares():
    assert parse_share("1%") == pytest.approx(0.01)
    assert parse_share("0.25") == 0.25
    for wrong in ("0", "101%", "x", "-1%", "nan", "%"):
        with pytest.raises(InputError, match="--rescore"):
            parse_share(wrong)
