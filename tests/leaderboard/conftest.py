"""Boards that several tests look at; they are built once and never changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import synthetic_board

from gdbench.leaderboard import build


@pytest.fixture(scope="session")
def synthetic_submissions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "submissions"
    return synthetic_board.write(folder, *synthetic_board.records(9))


@pytest.fixture(scope="session")
def synthetic_site(synthetic_submissions) -> Path:
    out = synthetic_submissions.parent / "site"
    build(synthetic_submissions, out)
    return out


@pytest.fixture(scope="session")
def guessed_submissions(tmp_path_factory) -> Path:
    """Real submissions of part of the mini suite, with scores; one model has errors too."""
    return synthetic_board.guessed(
        tmp_path_factory.mktemp("guessed") / "submissions",
        synthetic_board.Guesser("sharp", 4.0),
        synthetic_board.Guesser("slow", 3.0, timesteps=10, family="diffusion-unet"),
        synthetic_board.Guesser("blind", 0.0, family="control"),
    )


@pytest.fixture(scope="session")
def guessed_site(guessed_submissions) -> Path:
    out = guessed_submissions.parent / "site"
    build(guessed_submissions, out)
    return out
