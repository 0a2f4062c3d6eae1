"""`gdbench export`: files, options that a format does not use, faults in one line."""

import json
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
(RUN,) = (p for p in (ROOT / "submissions/constant").iterdir() if "+" not in p.name)


def test_writes_files_and_names_them(gdbench, tmp_path):
    answer = gdbench("export", RUN, "--to", "csv", "--out", "there")
    assert answer.code == 0, answer.err
    assert answer.out == "there/gdbench.csv\n"
    assert (tmp_path / "there/gdbench.csv").read_text().startswith("model,revision,")


def test_an_option_that_a_format_does_not_use_is_refused(gdbench):
    for words in (("csv", "--dataset", "a/b"), ("lm-eval", "--relationship", "other")):
        answer = gdbench("export", RUN, "--to", *words)
        assert answer.code == 2
        assert f"the format {words[0]} does not use it" in answer.err


def test_faults_are_one_line(gdbench, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for words, said in (
        ((tmp_path / "nothing", "--to", "csv"), "no such folder"),
        ((tmp_path, "--to", "csv"), "no finished task"),
        ((RUN, "--to", "csv", "--out", "file/x"), "cannot be written"),
        ((RUN, "--to", "lm-eval", "--model-id", "x"), "expected OWNER/NAME"),
        ((RUN, "--to", "hub-eval-results", "--dataset", "../x"), "--dataset '../x': expected OWN"),
        (
            (RUN, "--to", "hub-eval-results", "--dataset", "a/b", "--source-url", "javascript:1"),
            "expected an address that begins with https://",
        ),
    ):
        answer = gdbench("export", *words)
        assert answer.code == 2
        assert said in answer.err
        assert len(answer.err.splitlines()) == 1


def test_data_of_ones_own_is_exported_too(gdbench, tmp_path):
    """A task that no registry knows: its record says what it is, and each item has a line."""
    (tmp_path / "pictures").mkdir()
    rows = ["file,caption,negatives"]
    for name, colour in (("red", (200, 30, 30)), ("green", (30, 160, 40))):
        Image.new("RGB", (8, 8), colour).save(tmp_path / "pictures" / f"{name}.png")
        rows.append(f"{name}.png,a {name} picture,a blue picture")
    (tmp_path / "pictures/captions.csv").write_text("\n".join(rows) + "\n")
    words = ("evaluate", "-m", "constant", "--data", "pictures", "--out", "run")
    assert gdbench(*words).code == 0
    for form in ("csv", "lm-eval", "every-eval-ever"):
        answer = gdbench("export", "run", "--to", form, "--out", form)
        assert answer.code == 0, answer.err
    (table,) = (tmp_path / "csv").iterdir()
    assert "constant,1,control,pictures," in table.read_text()
    (samples,) = (tmp_path / "every-eval-ever").rglob("*_samples.jsonl")
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    # a tie of two: half a credit, and not right
    assert [line["evaluation"] for line in lines] == [{"score": 0.5, "is_correct": False}] * 2
    assert "a red picture" not in samples.read_text()
