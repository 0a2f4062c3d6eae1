"""What holds for every verb: help, version, how much is said, any width and locale."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

import gdbench as package
from gdbench.cli import app

EVALUATE = ("evaluate", "-m", "random", "--suite", "mini", "--tasks", "winoground,bias,aro",
            "--limit", "2", "--out", "run")  # fmt: skip


def verbs(command=None, path=()):
    command = command or get_command(app)
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, (*path, name))


def python(folder, *words, **environment):
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=os.environ | environment, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("path", list(verbs()), ids=" ".join)
def test_every_verb_has_both_flags_for_help(gdbench, path):
    short, long = gdbench(*path, "-h"), gdbench(*path, "--help")
    assert short.code == long.code == 0
    assert short.out == long.out
    assert short.out.startswith(" ".join(("Usage: gdbench", *path)))
    assert short.out.isascii()


def test_version_is_that_of_the_package(gdbench):
    assert gdbench("--version").out == f"gdbench {version('gdbench')}\n"
    assert package.__version__ == version("gdbench")


def test_version_is_looked_up_only_when_asked(tmp_path):
    code = "import sys, gdbench; print('importlib.metadata' in sys.modules)"
    done = python(tmp_path, "-c", code)
    assert done.stdout.strip() == b"False"


def test_python_dash_m_is_the_command(gdbench, tmp_path):
    assert python(tmp_path, "-m", "gdbench", "-h").stdout.decode() == gdbench("-h").out


def test_the_installed_command_is_python_dash_m():
    import tomllib
    from pathlib import Path

    from gdbench.__main__ import main

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"gdbench": f"{main.__module__}:{main.__name__}"}


def test_completion_is_offered_for_bash(tmp_path):
    done = python(
        tmp_path, "-m", "gdbench", _GDBENCH_COMPLETE="complete_bash", COMP_WORDS="gdbench eva",
        COMP_CWORD="1",
    )  # fmt: skip
    assert done.stdout.split() == [b"evaluate"]


def test_quiet_says_nothing_but_answers_and_errors(gdbench):
    loud = gdbench(*EVALUATE)
    assert "Records and scores: run" in loud.err
    quiet = gdbench("-q", *EVALUATE)
    assert (quiet.code, quiet.err, quiet.out) == (0, "", loud.out)
    failed = gdbench("-q", "evaluate", "-m", "no-such", "--suite", "mini")
    assert failed.code == 2
    assert failed.err.startswith("gdbench: ")
    assert "Records and scores: run" in gdbench(*EVALUATE).err


def test_verbose_says_what_was_decided(gdbench, tmp_path):
    words = ("evaluate", "-m", "mini-sd-early", "--suite", "mini", "--tasks", "pets", "--limit",
             "2", "--samples", "2", "--out", "run")  # fmt: skip
    assert "batch size" in gdbench("-v", *words[:-1], "one").err
    assert "batch size" not in gdbench(*words[:-1], "two").err


def test_verbose_and_quiet_exclude_each_other(gdbench):
    result = gdbench("-v", "-q", "models")
    assert result.code == 2
    assert "exclude each other" in result.err


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_records_are_whole_at_any_width_and_locale(tmp_path, width, locale):
    done = python(tmp_path, "-m", "gdbench", *EVALUATE, COLUMNS=str(width), LC_ALL=locale)
    out = done.stdout.decode()
    assert out.isascii()
    if locale == "C":
        assert done.stderr.isascii()
    table = [line for line in out.splitlines() if not line.startswith("gdb|")]
    assert max(map(len, table)) <= max(width, 64)
    wide = python(tmp_path, "-m", "gdbench", *EVALUATE).stdout.decode()
    # nothing is cut: the same words, but for names folded over two lines
    assert sorted("".join(out.split())) == sorted("".join(wide.split()))


@pytest.mark.parametrize("verb", ["models", "tasks"])
def test_lists_fit_80_columns_and_have_a_line_for_each_row_in_a_pipe(gdbench, monkeypatch, verb):
    import json

    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, gdbench(verb).out.splitlines())) <= 80
    monkeypatch.delenv("COLUMNS")
    rows = json.loads(gdbench(verb, "--json").out)
    assert len(gdbench(verb).out.splitlines()) == len(rows) + 1


def test_letters_that_the_encoding_lacks_are_escaped(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    done = python(
        tmp_path, "-m", "gdbench", "match", "-m", "random", "--image", "a.png", "--text", "café 日",
        PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert rb"caf\xe9 \u65e5" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("models >&-", 0, ""),
        ("models >&- 2>&-", 0, ""),
        ("doctor <&-", 0, ""),
        ("models >/dev/full", 1, "gdbench: the answer cannot be written: No space left on device"),
        ("--help >/dev/full", 1, "gdbench: the answer cannot be written: No space left on device"),
        (f"{' '.join(EVALUATE)} >&-", 0, "run"),
    ],
)
def test_standard_streams_that_are_closed_or_full(tmp_path, words, code, said):
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m gdbench {words}"], cwd=tmp_path, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    if "evaluate" in words:
        assert len(list(tmp_path.glob("run/*/record.json"))) == 3
        # nothing of what was said went into a file of the run
        assert subprocess.run(
            [sys.executable, "-m", "gdbench", "score", "run"], cwd=tmp_path, capture_output=True,
            check=True,
        ).stdout  # fmt: skip
