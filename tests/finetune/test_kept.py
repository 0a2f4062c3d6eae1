"""Whether generation is kept: a grid, a number, and the test behind it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.cli.finetune import _lines
from gdbench.errors import InputError, ModelOutputError
from gdbench.finetune.kept import generation_kept, paired
from gdbench.models import MODELS


def test_the_difference_is_paired():
    rng = np.random.default_rng(0)
    before = rng.normal(0.3, 0.1, 20)
    after = before - 0.01 + rng.normal(0, 0.005, 20)
    found = paired(before.tolist(), after.tolist(), "judge")
    assert found.p_value == pytest.approx(stats.ttest_1samp(after - before, 0).pvalue)
    assert found.low < found.difference < found.high < 0
    same = paired([0.1, 0.2], [0.1, 0.2], "judge")
    assert (same.difference, same.p_value) == (0.0, None)


def test_the_bundled_lora_is_judged(tmp_path):
    entry = MODELS.get("mini-sd-hardneg")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red circle\n\n  a blue square and a green star \n", "utf-8")
    done = CliRunner().invoke(
        app,
        ["finetune", "kept", "--base", "mini-sd", "--lora", entry.lora, "--judge", "mini-clip",
         "--prompts", str(prompts), "--steps", "2", "--out", str(tmp_path / "out"), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["n"] == 2
    assert -1 <= found["before"] <= 1
    assert found["difference"] == pytest.approx(found["after"] - found["before"])
    assert found["difference"] != 0
    assert json.loads((tmp_path / "out/kept.json").read_text()) == found
    with Image.open(tmp_path / "out/kept.png") as sheet:
        assert sheet.width > 2 * 128


def test_no_prompt_is_one_line(tmp_path):
    with pytest.raises(InputError, match="--prompts"):
        generation_kept("mini-sd", "x", "mini-clip", tmp_path, prompts=())


JUDGE = """
import numpy as np
from gdbench import ModelCard

class Judge:
    card = ModelCard(name="judge")
    def score(self, images, texts):
        return {}
"""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("np.full((1, 1), np.nan)", "expected one finite number"),
        ("np.zeros((2, 1))", "expected one finite number"),
        ("1 / 0", "model judge raised ZeroDivisionError"),
    ],
)
def test_a_judge_that_gives_no_number_is_one_line(tmp_path, answer, words):
    (tmp_path / "judge.py").write_text(JUDGE.replace("{}", answer))
    lora = MODELS.get("mini-sd-hardneg").lora
    with pytest.raises(ModelOutputError, match=words):
        generation_kept(
            "mini-sd", lora, f"{tmp_path}/judge.py:Judge", tmp_path / "out", prompts=("a",), steps=1
        )
    assert not (tmp_path / "out/kept.json").exists()


@pytest.mark.parametrize("guidance", [math.inf, math.nan])
def test_guidance_is_finite(tmp_path, guidance):
    with pytest.raises(InputError, match=r"--guidance .*: expected a finite number"):
        generation_kept("mini-sd", "x", "mini-clip", tmp_path, prompts=("a",), guidance=guidance)


def test_a_folder_that_cannot_be_made_is_told_first(tmp_path):
    (tmp_path / "file").touch()
    lora = MODELS.get("mini-sd-hardneg").lora
    with pytest.raises(InputError, match=r"--out .*file: cannot be written"):
        generation_kept("mini-sd", lora, "mini-clip", tmp_path / "file", prompts=("a",))


def test_a_prompt_ends_where_its_line_does(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("a\u2028b\r\n\n c\x85d\n".encode())
    assert _lines(path) == ("a\u2028b", "c\x85d")
