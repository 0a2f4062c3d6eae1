"""How a browser for these tests is found, and what is said where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import chromium
import pytest

ROOT = Path(__file__).parents[2]


def stand_in(folder, name, code):
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing on its path and nothing of Playwright's."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    return tmp_path / "bin"


def test_none_is_found_on_a_bare_machine(bare):
    assert chromium.find() is None


@pytest.mark.parametrize("name", chromium.NAMES)
def test_a_browser_of_the_system_is_taken_if_it_starts(bare, name):
    path = stand_in(bare, name, 0)
    assert chromium.find() == str(path)
    stand_in(bare, name, 1)
    assert chromium.find() is None


def test_playwrights_own_is_taken_where_the_system_has_none(bare):
    path = Path(chromium.playwrights())
    path.parent.mkdir(parents=True)
    stand_in(path.parent, path.name, 0)
    assert chromium.find() == str(path)


def test_where_none_can_be_got_one_line_says_what_to_do(bare):
    # Playwright cannot write there, and there is no package manager.
    done = subprocess.run(
        [sys.executable, chromium.__file__], capture_output=True, text=True, check=False,
        env=os.environ | {"PLAYWRIGHT_BROWSERS_PATH": "/dev/null/none"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == chromium.HOW_TO


def test_tests_that_are_left_out_are_counted_and_not_passed(tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-n", "2", "--no-browser", "-k", "sorting or starts",
            "tests/site/test_browser.py", "tests/site/test_chromium.py",
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    *_, summary, said = done.stdout.splitlines()
    left_out = int(said.split()[2])
    assert said == f"not run: {left_out} browser tests (BROWSER=none)"
    assert left_out > 0
    assert f"{left_out} skipped" in summary


@pytest.mark.parametrize(
    ("setting", "runs"),
    [((), (True, False)), (("BROWSER=none",), (False, True))],
)
def test_make_test_gets_a_browser_first_unless_none_is_wanted(tmp_path, setting, runs):
    make = shutil.which("make")
    done = subprocess.run(
        [make, "-n", "test", f"VENV={tmp_path}", *setting], cwd=ROOT, capture_output=True,
        text=True, check=True,
        env={k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
        | {"BROWSER": "firefox"},  # which other programs read means nothing here
    )  # fmt: skip
    assert ("tests/site/chromium.py" in done.stdout, "--no-browser" in done.stdout) == runs
    assert "pytest" in done.stdout.splitlines()[-1]


def test_an_unknown_browser_is_refused_before_anything_is_done():
    done = subprocess.run(
        [shutil.which("make"), "test", "BROWSER=firefox"], cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "BROWSER=firefox: expected auto or none" in done.stderr
