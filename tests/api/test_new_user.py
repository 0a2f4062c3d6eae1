"""What a new user does, counted in lines: an own model, and a table for a paper."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OWN_MODEL = """
import numpy as np
import gdbench
class Brightness:
    card = gdbench.ModelCard(name="mine")
    def score(self, images, texts):
        light = [np.asarray(image).mean() for image in images]
        return np.outer(light, [len(text) for text in texts])
gdbench.evaluate(Brightness(), "clevr", suite="mini", limit=2, out="run")
"""
PAPER = """
import gdbench
results = gdbench.load_run("run")
print(results.to_latex())
"""


@pytest.fixture
def script(tmp_path):
    """Run a script in an empty folder and give what it printed."""

    def run(source):
        (tmp_path / "mine.py").write_text(source)
        done = subprocess.run(
            [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True,
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return done.stdout

    return run


def test_own_model_in_eight_lines_and_a_table_in_three(script, tmp_path):
    assert len(OWN_MODEL.split("\n")) - 2 == 8
    assert len(PAPER.split("\n")) - 2 == 3
    script(OWN_MODEL)
    assert (tmp_path / "run" / "clevr" / "record.json").is_file()
    table = script(PAPER)
    assert table.startswith("\\begin{tabular}{lrrrr}\n\\toprule\ntask & score & ")
    assert "\nclevr & " in table
