"""`gdbench export`: files, options that a format does not use, faults in one line."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
(RUN,) = (ROOT / "submissions/constant").iterdir()


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
    ):
        answer = gdbench("export", *words)
        assert answer.code == 2
        assert said in answer.err
        assert len(answer.err.splitlines()) == 1
