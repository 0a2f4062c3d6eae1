"""What a user writes, read by mypy in strict mode and never run; see tests/test_public_api.py."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

import gdbench
from gdbench import ModelCard, Results


class Constant:
    card = ModelCard(name="mine")

    def score(self, images: list[Image.Image], texts: list[str]) -> NDArray[np.float64]:
        return np.zeros((len(images), len(texts)))


results = gdbench.evaluate("mini-sd", ["clevr", "pets"], samples=10)
assert_type(results, Results)
own = gdbench.evaluate(Constant(), "all", suite="mini", limit=3, out=Path("run"))
assert_type(own.to_latex(), str)
assert_type(own.scores("clevr"), pd.DataFrame)
assert_type(own.errors("clevr"), pd.DataFrame)
assert_type(own["clevr"], gdbench.ResultRecord)
if results.score is not None:
    assert_type(results.score.value, float)
assert_type(gdbench.load_run("run"), Results)
assert_type(gdbench.own_data("pictures", ask="text"), gdbench.Task)
assert_type(gdbench.evaluate("mini-clip", data=Path("pictures")), Results)
question = gdbench.Item(
    "a", (gdbench.image("a.png"),), ("x", "y"), gdbench.Query.TEXT_RETRIEVAL, (0,), "all"
)
task = gdbench.own_task("mine", [question], measures=[gdbench.Recall("r1", ("all",))])
assert_type(task, gdbench.Task)
assert_type(gdbench.compare(results, "run").to_markdown(), str)
matrix: NDArray[np.floating[Any]] = gdbench.match("mini-sd", Path("a.png"), "a red circle").scores
assert_type(gdbench.__version__, str)
gdbench.evaluate("mini-sd", 3)  # type: ignore[arg-type] # no names
gdbench.load_run(None)  # type: ignore[arg-type] # no path
gdbench.evalute  # type: ignore[attr-defined] # misspelt  # noqa: B018
