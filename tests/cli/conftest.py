"""The command line in this process: exit code, standard output, standard error."""

import sys
from typing import NamedTuple

import pytest

from gdbench.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def gdbench(monkeypatch, capsys, tmp_path):
    """Run `gdbench ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments) -> Result:
        monkeypatch.setattr(sys, "argv", ["gdbench", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def model_file(tmp_path):
    """Write a file with a model class `M` whose `score` has this body; give its spec."""

    def write(body: str = "return np.zeros((len(images), len(texts)))") -> str:
        path = tmp_path / "mine.py"
        path.write_text(
            "import numpy as np\n"
            "from gdbench import ModelCard\n"
            "class M:\n"
            "    card = ModelCard(name='mine')\n"
            "    def score(self, images, texts):\n"
            f"        {body}\n"
        )
        return f"{path}:M"

    return write
