"""What is kept of an unchanged suite gives the same site, and nothing else is ever found."""

import shutil

import pytest
import synthetic_board

from gdbench.leaderboard import Keep, build
from gdbench.leaderboard.judge import keep as keeping
from gdbench.leaderboard.judge import whole
from gdbench.submissions.layout import INVALIDATED, SCORES


def snapshot(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def opened(monkeypatch):
    """The entries whose scores are read."""
    found = []
    real = whole.verified

    def counted(entries, *given):
        found.extend(entries)
        return real(entries, *given)

    monkeypatch.setattr(whole, "verified", counted)
    return found


def test_an_unchanged_suite_is_not_judged_again(
    guessed_submissions, guessed_site, tmp_path, opened
):
    """Neither read nor computed, and every byte of the site is as without anything kept."""
    keep = Keep(tmp_path / "keep")
    first = build(guessed_submissions, tmp_path / "first", keep=keep)
    assert len(opened) == first.n_records > 0
    opened.clear()
    build(guessed_submissions, tmp_path / "second", keep=keep)
    assert opened == []
    expected = snapshot(guessed_site)
    assert snapshot(tmp_path / "first") == expected
    assert snapshot(tmp_path / "second") == expected


def test_another_suite_does_not_matter_and_a_new_model_does(guessed_submissions, tmp_path, opened):
    keep = Keep(tmp_path / "keep")
    submissions = tmp_path / "submissions"
    shutil.copytree(guessed_submissions, submissions)
    build(submissions, tmp_path / "site", keep=keep)
    opened.clear()
    synthetic_board.write(submissions, *synthetic_board.records(2, "full"))
    build(submissions, tmp_path / "site", keep=keep)
    assert {e.record.task.suite for e in opened} == {"full"}
    build(submissions, tmp_path / "plain")
    assert snapshot(tmp_path / "site") == snapshot(tmp_path / "plain")
    opened.clear()
    shutil.rmtree(submissions / "blind")
    build(submissions, tmp_path / "site", keep=keep)
    assert {e.record.task.suite for e in opened} == {"full", "mini"}


@pytest.mark.parametrize("change", ["withdrawn", "damaged", "code"])
def test_what_has_changed_is_judged_again(
    change, guessed_submissions, tmp_path, opened, monkeypatch
):
    keep = Keep(tmp_path / "keep")
    submissions = tmp_path / "submissions"
    shutil.copytree(guessed_submissions, submissions)
    build(submissions, tmp_path / "site", keep=keep)
    opened.clear()
    if change == "withdrawn":
        (submissions / INVALIDATED).write_text(
            '[[invalidated]]\npath = "sharp/1"\nreason = "a mistake"\ndate = "2026-01-01"\n'
        )
    elif change == "damaged":
        for path in (tmp_path / "keep").iterdir():
            path.write_bytes(path.read_bytes()[:-9])
    else:
        monkeypatch.setattr(keeping, "code", lambda: "another gdbench")
    build(submissions, tmp_path / "site", keep=keep)
    assert opened
    build(submissions, tmp_path / "plain")
    assert snapshot(tmp_path / "site") == snapshot(tmp_path / "plain")
    assert ("a mistake" in (tmp_path / "site/models/sharp/1.html").read_text()) is (
        change == "withdrawn"
    )


def test_other_scores_have_another_name(guessed_submissions, tmp_path):
    """Nothing kept hides that a score file is no longer the record's."""
    from gdbench.errors import InputError

    keep = Keep(tmp_path / "keep")
    submissions = tmp_path / "submissions"
    shutil.copytree(guessed_submissions, submissions)
    build(submissions, tmp_path / "site", keep=keep)
    shutil.copy(submissions / "blind/1/svo" / SCORES, submissions / "sharp/1/svo" / SCORES)
    with pytest.raises(InputError, match="these are not the scores"):
        build(submissions, tmp_path / "site", keep=keep)
