"""What a new user does, counted in lines and commands.

The fourth path, an own folder of pictures, is in tests of own data.
"""

import json

import pytest

MODEL = """\
import numpy as np
from gdbench import ModelCard


class Redness:
    card = ModelCard(name="redness")

    def score(self, images, texts):
        red = [np.asarray(image)[..., 0].mean() for image in images]
        return np.outer(red, ["red" in text for text in texts])
"""
EVALUATE = "evaluate --model mine.py:Redness --suite mini --tasks clevr,winoground --out runs/mine"
PATHS = {
    "own model": (f"{EVALUATE} --limit 10",),
    "a table for a paper": (f"{EVALUATE} --limit 10", "results --format latex"),
    "submit": (EVALUATE, "submit runs/mine", "verify submissions"),
}
LINES, COMMANDS = 8, 3


@pytest.mark.parametrize("path", PATHS)
def test_few_lines_and_few_commands(gdbench, path, tmp_path):
    assert len([line for line in MODEL.splitlines() if line]) <= LINES
    assert len(PATHS[path]) <= COMMANDS
    (tmp_path / "mine.py").write_text(MODEL)
    for words in PATHS[path]:
        answer = gdbench(*words.split())
        assert answer.code == 0, answer.err
    if path == "own model":
        record = json.loads((tmp_path / "runs/mine/clevr/record.json").read_text())
        assert (record["model"]["name"], record["task"]["n_items"]) == ("redness", 7 * 10)
    elif path == "a table for a paper":
        assert answer.out.startswith("\\begin{tabular}")
        assert "redness" in answer.out
    else:
        (folder,) = (tmp_path / "submissions/redness").iterdir()
        assert {p.name for p in folder.iterdir()} == {"clevr", "winoground"}
        assert "consistent" in answer.out
