"""Levels of evidence: which one a result has, and which logs speak for it."""

from dataclasses import replace

import pytest

from gdbench.errors import InputError
from gdbench.submissions.audit import AuditReport, TaskAudit, record_audit
from gdbench.submissions.levels import Level, level
from gdbench.submissions.logs import Audit, Logs, check_word, write_audited
from gdbench.submissions.verify import Report, verify


def levels(report):
    return {v.place.path: (v.level, v.reason) for v in report.submissions}


def withdraw(tree, path, reason="trained on the test set"):
    (tree / "INVALIDATED.toml").write_text(
        f'[[invalidated]]\npath = "{path}"\nreason = "{reason}"\ndate = "2026-01-31"\n'
    )


@pytest.mark.parametrize(
    ("path", "n"), [("hashing", 2), ("hashing/1", 2), ("hashing/1/bias", 1), ("hash", 0)]
)
def test_invalidations_cover_what_is_below_them(tree, path, n):
    withdraw(tree, path)
    found = levels(verify(tree))
    assert list(found.values()).count((Level.INVALIDATED, "trained on the test set")) == n


def test_the_log_holds_for_a_part_of_the_tree_too(tree):
    withdraw(tree, "hashing/1")
    assert levels(verify(tree / "hashing/1/bias"))["hashing/1/bias"][0] is Level.INVALIDATED


def test_withdrawn_results_do_not_fail_the_rest(tree, edit):
    edit(tree / "hashing/1/winoground", lambda raw: raw.update(score=0.99))
    assert not verify(tree).ok
    withdraw(tree, "hashing/1/winoground")
    assert verify(tree).ok


AUDITED = (
    '[[audited]]\npath = "a/1/svo"\nscores_sha256 = "{0}"\nitems = {1}\nof = {2}\nlargest = 0.0\n'
    'points = {3}\npower = {4}\nrandomness = "r"\nby = "b"\ndate = "2026-01-31"\n'
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INVALIDATED.toml", "[[other]]\na = 1\n"),
        ("INVALIDATED.toml", '[[invalidated]]\npath = "a"\n'),
        ("INVALIDATED.toml", '[[invalidated]]\npath = "../a"\nreason = "r"\ndate = "2026-01-31"\n'),
        ("INVALIDATED.toml", '[[invalidated]]\npath = "a"\nreason = " "\ndate = "2026-01-31"\n'),
        ("INVALIDATED.toml", '[[invalidated]]\npath = "a"\nreason = "r"\ndate = "soon"\n'),
        ("INVALIDATED.toml", 'invalidated = "all"\n'),
        ("AUDITED.toml", '[[audited]]\npath = "a/1/svo"\n'),
        ("AUDITED.toml", AUDITED.format("0" * 64, 0, 9, 2.0, 0.99)),
        ("AUDITED.toml", AUDITED.format("0" * 64, 10, 9, 2.0, 0.99)),
    ],
)
def test_a_broken_entry_is_a_problem_and_has_no_effect(tree, name, text):
    (tree / name).write_text(text)
    report = verify(tree)
    assert [p.check for p in report.problems] == ["log"]
    assert {v.level for v in report.submissions} == {Level.PARTIAL}


@pytest.mark.parametrize(
    ("items", "points", "power", "expected"),
    [
        (32, 2.0, 0.99, Level.AUDITED),
        (32, 2.0, 0.9, Level.CONSISTENT),
        (32, 5.0, 0.99, Level.CONSISTENT),
        (400, 5.0, 0.5, Level.REPRODUCED),
    ],
)
def test_an_audit_that_finds_too_little_is_none(tmp_path, items, points, power, expected):
    (tmp_path / "AUDITED.toml").write_text(AUDITED.format("1" * 64, items, 400, points, power))
    entry = Logs.read(tmp_path).audit("a/1/svo", "1" * 64, 400)
    again = 0 if entry is None else entry.items
    assert level(**GOOD | {"again": again, "n_items": 400}) is expected
    # The log speaks of these very scores: for others it has no effect.
    assert Logs.read(tmp_path).audit("a/1/svo", "2" * 64, 400) is None
    # and of so many items: 32 of 400 are not 32 of a larger task's
    assert Logs.read(tmp_path).audit("a/1/svo", "1" * 64, 401) is None


GOOD = {"withdrawn": False, "failed": False, "has_scores": True, "has_items": True,
        "partial": False}  # fmt: skip


def test_the_strongest_reason_wins():
    again = {"again": 9, "n_items": 9}
    assert level(**GOOD) is Level.CONSISTENT
    assert level(**GOOD | again) is Level.REPRODUCED
    assert level(**GOOD | {"again": 8, "n_items": 9}) is Level.AUDITED
    assert level(**GOOD | again | {"partial": True}) is Level.PARTIAL
    assert level(**GOOD | again | {"has_items": False}) is Level.UNAVAILABLE
    assert level(**GOOD | {"has_scores": False, "has_items": False}) is Level.REPORTED
    assert level(**GOOD | again | {"failed": True}) is Level.FAILED
    assert level(**GOOD | {"failed": True, "withdrawn": True}) is Level.INVALIDATED


def test_only_what_others_ran_is_ranked():
    assert [v for v in Level if v.ranked] == [Level.AUDITED, Level.REPRODUCED]


def entry(items, digest="1" * 64, path="a/1/svo"):
    return Audit(path, digest, items, 300, 1e-7, 2.0, 0.99, "r", "somebody", "2026-01-31")


def test_the_log_keeps_the_widest_audit_of_the_newest_scores(tmp_path):
    write_audited(tmp_path, [entry(32), entry(300), entry(33), entry(5, path="a/1/aro")])
    assert {(a.path, a.items) for a in Logs.read(tmp_path).audited} == {
        ("a/1/svo", 300), ("a/1/aro", 5),
    }  # fmt: skip
    write_audited(tmp_path, [*Logs.read(tmp_path).audited, entry(9, "2" * 64)])
    assert Logs.read(tmp_path).audit("a/1/svo", "2" * 64, 300).items == 9


@pytest.mark.parametrize("by", ["Zoë", "\U0001f600", 'a "quoted" name', "back\\slash"])
def test_what_the_log_takes_it_gives_back(tmp_path, by):
    write_audited(tmp_path, [replace(entry(32), by=check_word("--by", by))])
    (found,) = Logs.read(tmp_path).audited
    assert found.by == by


@pytest.mark.parametrize("by", ["", " ", "<me>", "a\u2028b", "x" * 5000])
def test_what_the_log_could_not_be_read_with_is_refused(by):
    with pytest.raises(InputError, match="--by"):
        check_word("--by", by)


def test_a_log_that_cannot_be_read_is_not_written_over(tmp_path):
    text = AUDITED.format("1" * 64, 32, 400, 2.0, 0.99).replace("2026-01-31", "2026-01-32")
    (tmp_path / "AUDITED.toml").write_text(text)
    done = AuditReport((TaskAudit("a/1/svo", skipped="not at hand"),), "r", 2.0, 0.0)
    with pytest.raises(InputError, match="2026-01-32"):
        record_audit(done, Report((), ()), tmp_path, "me")
    assert (tmp_path / "AUDITED.toml").read_text() == text
