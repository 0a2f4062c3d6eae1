"""A build opens each score file once, and keeps little of it."""

import shutil
import tracemalloc
from pathlib import Path

import pytest
import synthetic_board

from gdbench.errors import InputError
from gdbench.leaderboard.judge.examples import MOST_MODELS
from gdbench.leaderboard.judged.board import Board
from gdbench.leaderboard.site import build, make
from gdbench.submissions import scores
from gdbench.submissions.layout import SCORES
from gdbench.submissions.verify import verify

COMMITTED = Path(__file__).parents[2] / "submissions"


@pytest.fixture
def opened(monkeypatch):
    """The score files that are opened, in order."""
    found: list[Path] = []
    original = scores.open_scores

    def counted(path, *limits):
        found.append(path)
        return original(path, *limits)

    monkeypatch.setattr(scores, "open_scores", counted)
    return found


def test_each_score_file_is_opened_once(opened):
    files = sorted(COMMITTED.rglob(SCORES))
    make(COMMITTED)
    assert sorted(opened) == files
    assert len(files) >= 72


def answers(board: Board) -> int:
    """Results of the board that keep their matrices."""
    return sum(
        result.reading.answers is not None
        for pool in board.pools
        for row in pool.rows
        for result in row.results.values()
    )


def test_only_the_models_that_are_shown_keep_their_answers(tmp_path):
    models = [synthetic_board.Guesser(f"m{i:02d}", i / 4) for i in range(MOST_MODELS + 3)]
    submissions = synthetic_board.guessed(tmp_path / "submissions", *models, limit=1)
    _, board = make(submissions)
    (pool,) = board.pools
    for place, row in enumerate(pool.rows):
        for result in row.results.values():
            assert (result.reading.answers is not None) is (place < MOST_MODELS)
    assert answers(board) == MOST_MODELS * len(pool.rows[0].results)


def test_verification_keeps_no_scores(tmp_path):
    """Six models take no six times the memory of one: what is kept is their records."""
    models = [synthetic_board.Guesser(f"m{i:02d}", 1.0, timesteps=40) for i in range(6)]
    many = synthetic_board.guessed(tmp_path / "submissions", *models, limit=15)
    peaks = []
    for folder in (many / "m00", many / "m01", many):  # the first fills the caches
        tracemalloc.start()
        verify(folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 2 * peaks[1]


@pytest.mark.parametrize("kind", ["submission", "run"])
def test_scores_that_are_not_the_record_s_are_refused(kind, guessed_submissions, tmp_path):
    source = guessed_submissions / "sharp/1"
    other = guessed_submissions / "blind/1"
    if kind == "run":
        source = guessed_submissions.with_name("submissions-runs") / "sharp"
    target = tmp_path / "all" / ("run" if kind == "run" else "sharp/1")
    shutil.copytree(source, target)
    shutil.copy(other / "svo" / SCORES, target / "svo" / SCORES)
    shown = (None, [target]) if kind == "run" else (tmp_path / "all", [])
    with pytest.raises(InputError, match=r"svo/scores.parquet: these are not the scores") as caught:
        build(shown[0], tmp_path / "site", runs=shown[1])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "site").exists()
