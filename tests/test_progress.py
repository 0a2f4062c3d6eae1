"""What a bar tells is whole wherever it is drawn."""

import os
import subprocess
import sys

import pytest

CODE = """
import time
from gdbench.progress import EvaluationBars, bars

with bars() as display:
    shown = EvaluationBars(display, note="on 4 workers")
    for done in (0, 100, 1000, 12_345):
        shown("flickr30k", done, 31_783)
        time.sleep(0.15)
"""


@pytest.mark.parametrize("columns", [None, "100"])
def test_rate_and_time_left_are_whole(columns):
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    if columns is not None:
        environment["COLUMNS"] = columns
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    last = done.stderr.splitlines()[-1]
    assert "12345/31783 on 4 workers" in last
    rate = last.split("items/s")[0].split()[-1]
    assert float(rate.replace(",", "")) > 100
    elapsed, word, left = last.split()[-3:]
    assert word == "left"
    assert elapsed.count(":") == left.count(":") == 2


@pytest.mark.parametrize("display", ["bars()", "byte_bars()", "waiting('for something')"])
def test_a_display_without_a_bar_leaves_no_line(display):
    code = f"from gdbench import progress\nwith progress.{display}: pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
