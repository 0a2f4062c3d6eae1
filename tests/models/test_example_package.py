"""The example of a plug-in: built, installed and run as a reader would, without a network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment in which the package is installed beside gdbench."""
    folder = tmp_path_factory.mktemp("example")
    # building writes beside the sources
    source = shutil.copytree(ROOT / "examples/custom-model", folder / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--disable-pip-version-check", "--target", folder / "site", source],
        check=True, timeout=300,
    )  # fmt: skip
    paths = [str(folder / "site"), str(ROOT)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def gdbench(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "gdbench", *map(str, arguments)],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_it_is_evaluated_by_its_name(installed, tmp_path):
    done = gdbench(
        installed, "evaluate", "--model", "example-model", "--suite", "mini", "--tasks", "clevr",
        "--limit", 2, "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run/clevr/record.json").read_text())
    assert record["model"]["name"] == "example-model"
    assert "distribution gdbench-example" in record["content"]["parts"]
    assert record["task"]["limit"] == 2
    assert record["score"] is not None


def test_it_keeps_the_protocol(installed):
    done = gdbench(installed, "check-model", "example-model", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(check["passed"] for check in json.loads(done.stdout))
