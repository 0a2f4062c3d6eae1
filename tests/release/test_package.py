"""The wheel and the sdist: what is in them, and that they work in an environment of their own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = """\
import numpy as np
from gdbench import ModelCard


class Constant:
    card = ModelCard(name="mine")

    def score(self, images, texts):
        return np.zeros((len(images), len(texts)))
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The sdist of this tree, and the wheel that is built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory):
    """`gdbench` of a fresh environment: the wheel, and the dependencies that are here."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    # a line of a .pth file only adds a folder: no editable install in it is followed
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    install = [
        sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install",
        "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(built[0]),
    ]  # fmt: skip
    subprocess.run(install, check=True)
    work = folder / "work"
    work.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GDBENCH", "HF_"))}
    environment = kept | {"OMP_NUM_THREADS": "1", "HOME": str(folder), "COLUMNS": "80"}

    def run(*words):
        command = [str(folder / "bin/gdbench"), *words]
        return subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, check=False
        )

    return run, work, folder


def test_what_is_in_the_wheel(built):
    wheel, _ = built
    assert wheel.stat().st_size < 60e6
    names = zipfile.ZipFile(wheel).namelist()
    tracked = subprocess.run(
        ["git", "ls-files", "gdbench"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    packed = {n for n in names if n.startswith("gdbench/")}
    # weights, templates, static files, py.typed: all that git knows of the package, and no more
    assert packed == set(tracked)
    others = {n.split("/")[0] for n in names} - {"gdbench"}
    assert [n.endswith(".dist-info") for n in others] == [True]
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_what_is_in_the_sdist(built):
    _, sdist = built
    assert sdist.stat().st_size < 60e6
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    for name in (
        "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md",
        "constraints.txt", "docs/index.md", "training/first/__main__.py",
    ):  # fmt: skip
        assert name in names
    assert not any(n.startswith(("tests/", "submissions/", "leaderboard/", ".git/")) for n in names)


def test_readme_commands_in_the_fresh_environment(installed):
    run, work, folder = installed
    (work / "mine.py").write_text(MODEL)
    where = subprocess.run(
        [folder / "bin/python", "-I", "-c", "import gdbench; print(gdbench.__file__)"],
        cwd=work, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(folder))
    for words in (
        "evaluate --model mini-sd --suite mini --tasks winoground --samples 2 --limit 2",
        "evaluate --model mine.py:Constant --suite mini --limit 2",
        "results --format csv",
    ):
        done = run(*words.split())
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    header, *rows = done.stdout.splitlines()
    assert header.startswith("model,budget,when,folder,")
    assert [row.partition(",")[0] for row in rows] == ["mini-sd", "mine"]


def test_what_the_dockerfile_copies_is_enough_for_the_wheel(tmp_path):
    """Its first stage, without a container: the same files, the same command."""
    text = (ROOT / "Dockerfile").read_text()
    stage = text[text.index("AS wheel") : text.index("AS base")]
    names = [
        n for line in re.findall(r"^COPY (.+) \S+$", stage, re.MULTILINE) for n in line.split()
    ]
    for name in names:
        place = tmp_path / "src" / name
        place.parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, place, ignore=shutil.ignore_patterns("train", "__pycache__")
            )
        else:
            shutil.copy(ROOT / name, place)
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path]
    done = subprocess.run(
        [*map(str, command), str(tmp_path / "src")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    assert any(n.endswith("unet/config.json") for n in zipfile.ZipFile(wheel).namelist())
