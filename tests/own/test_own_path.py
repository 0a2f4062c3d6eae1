"""Own data go the road of published data: resumed, extended, in shards, verified, on the board."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gdbench
from tests.own.conftest import COLOURS, write_pictures, write_table

ROOT = Path(__file__).parent.parent.parent


def test_from_twelve_pictures_to_a_score_in_one_command(pictures, tmp_path):
    """The folder has one file beside the pictures; of Python it takes two lines."""
    done = subprocess.run(
        [sys.executable, "-m", "gdbench", "evaluate", "-m", "mini-clip", "--data", pictures.name],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    row = next(line for line in done.stdout.splitlines() if line.startswith("pictures "))
    score = float(row.split()[1])
    assert 30 < score <= 100  # a model of shapes and colours, chance 10
    assert row.split()[-1] == "24"
    two_lines = "import gdbench\nresults = gdbench.evaluate('mini-clip', data='pictures')"
    assert two_lines.count("\n") == 1


def test_the_two_lines(pictures, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path / "cache"))
    results = gdbench.evaluate("mini-clip", data="pictures", quiet=True)
    assert results.tasks == ("pictures",)
    again = gdbench.evaluate("mini-clip", gdbench.own_data("pictures"), quiet=True)
    assert again.folder == results.folder
    assert results.task_scores["pictures"].value > 0.3
    assert "pictures" in results.to_latex()


def test_the_whole_road(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("evaluate", "-m", "random", "--data", pictures)
    assert told(*words, "--limit", 4, "--out", "run")[0] == 0
    assert json.loads((tmp_path / "run/pictures/task.json").read_text())["n_items"] == 8
    # extended, then done already
    assert told(*words, "--out", "run")[0] == 0
    code, out, _ = told(*words, "--out", "run", "--json")
    (record,) = json.loads(out)
    assert (code, record["task"]["n_items"], record["task"]["n_expected"]) == (0, 24, 24)
    assert re.fullmatch(r"[0-9a-f]{8}", record["task"]["version"])
    assert f"task:pictures@{record['task']['version']}|suite:full|n:24|" in record["signature"]
    assert record["definition"]["primary"] == ["image_r1", "text_r1"]
    # two shards, joined
    for n in (1, 2):
        assert told(*words, "--shard", f"{n}/2", "--out", f"s{n}")[0] == 0
    # the run holds all that is needed from here on
    pictures.rename(tmp_path / "away")
    assert told("merge", "s1", "s2", "--out", "merged")[0] == 0
    merged = json.loads((tmp_path / "merged/pictures/record.json").read_text())
    same = ("scores_sha256", "metrics", "score", "score_low", "definition", "signature")
    assert {k: merged[k] for k in same} == {k: record[k] for k in same}
    code, out, _ = told("score", "run", "--json")
    assert json.loads(out)[0]["metrics"] == record["metrics"]
    for run in ("run", "merged"):
        assert told("verify", run)[0] == 0
    assert (
        told("evaluate", "-m", "constant", "--data", "away", "--name", "pictures", "--out", "c")[0]
        == 0
    )
    code, out, _ = told("compare", "run", "c")
    assert code == 0
    assert "pictures" in out
    code, out, _ = told("results", "run", "--format", "csv")
    assert out.splitlines()[0].endswith("pictures")


def test_a_changed_caption_is_another_task(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert told("evaluate", "-m", "constant", "--data", pictures)[0] == 0
    table = pictures / "captions.csv"
    table.write_text(table.read_text().replace("a red square", "a dark red square"))
    assert told("evaluate", "-m", "constant", "--data", pictures)[0] == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2
    with pytest.raises(gdbench.GdbenchError, match=r"holds another run: task\.version is"):
        told(
            "evaluate",
            "-m",
            "constant",
            "--data",
            pictures,
            "--out",
            next((tmp_path / "runs").iterdir()),
        )


def test_own_data_are_not_submitted(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told("evaluate", "-m", "constant", "--data", pictures, "--out", "run")
    with pytest.raises(gdbench.GdbenchError, match="pictures is a task of your own"):
        told("submit", "run", "--to", "subs")
    assert not (tmp_path / "subs").exists()
    # put there by hand it is refused as well
    place = tmp_path / "subs/constant/1/pictures"
    place.parent.mkdir(parents=True)
    (tmp_path / "run/pictures").rename(place)
    for name in ("task.json", "definition.json", "items.parquet", "record.sha256"):
        (place / name).unlink()
    code, out, _ = told("verify", "subs")
    assert code == 1
    assert "a task of one's own, which is not ranked" in out


def test_items_that_do_not_belong_to_a_run(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told("evaluate", "-m", "constant", "--data", pictures, "--out", "a")
    told("evaluate", "-m", "constant", "--data", pictures, "--limit", 3, "--out", "b")
    (tmp_path / "a/pictures/items.parquet").write_bytes(
        (tmp_path / "b/pictures/items.parquet").read_bytes()
    )
    code, out, _ = told("verify", "a")
    assert code == 1
    assert "items.parquet is not of this record" in out
    with pytest.raises(gdbench.GdbenchError, match="is not of this record"):
        told("score", "a")


def test_broken_data_end_in_a_list(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for c in COLOURS[:5]:
        (pictures / f"{c}.png").unlink()
    with pytest.raises(gdbench.DataProblemsError) as failure:
        told("evaluate", "-m", "constant", "--data", pictures)
    assert "5 problems in" in str(failure.value)
    assert len(failure.value.problems) == 5
    code, out, _ = told("evaluate", "-m", "constant", "--data", pictures, "--allow-partial")
    assert code == 0
    assert out.split()[out.split().index("pictures") + 1]
    code, out, _ = told("data", "check", "--data", pictures)
    assert code == 2
    assert "captions.csv: line 2: red.png: names no file (and 4 more entries)" in out


def test_names(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").rename(tmp_path / "pets")
    told("evaluate", "-m", "constant", "--data", "pets", "--out", "run")
    assert (tmp_path / "run/own-pets").is_dir()
    with pytest.raises(gdbench.GdbenchError, match="--name pets: there is a task of this name"):
        told("evaluate", "-m", "constant", "--data", "pets", "--name", "pets")
    with pytest.raises(gdbench.GdbenchError, match="--ask needs --data"):
        told("evaluate", "-m", "constant", "--ask", "text")


@pytest.mark.parametrize(
    ("lines", "extra", "ask", "metrics"),
    [
        (["file,class", *(f"{c}.png,{'warm' if n % 2 else 'cold'}" for n, c in enumerate(COLOURS))],
         {}, "classes", ["accuracy", "accuracy_macro"]),
        (["file,caption,group", *(f"{c}.png,a {c} one,{n // 2}" for n, c in enumerate(COLOURS))],
         {}, "pairs", ["text", "image", "group"]),
        (["file,caption,group", *(f"{c}.png,a {c} one,{n // 3}" for n, c in enumerate(COLOURS))],
         {}, "image", ["r1"]),
        (["file,group", *(f"{c}.png,{n % 2}" for n, c in enumerate(COLOURS))],
         {"words.json": '{"good": ["joy", "love"], "bad": ["woe"]}'}, "association",
         ["0_1", "mean_abs_effect"]),
        (["file,caption,negatives,sub-task",
          *(f"{c}.png,a {c} one,a blob|none,{'ab'[n % 2]}" for n, c in enumerate(COLOURS))],
         {}, "negatives", ["a_r1", "b_r1", "micro", "macro"]),
    ],
)  # fmt: skip
def test_what_is_asked_follows_from_the_columns(tmp_path, lines, extra, ask, metrics):
    write_pictures(tmp_path / "d")
    write_table(tmp_path / "d" / "captions.csv", lines)
    for name, text in extra.items():
        (tmp_path / "d" / name).write_text(text)
    results = gdbench.evaluate("random", data=tmp_path / "d", out=tmp_path / "run", quiet=True)
    (record,) = results.records
    assert [m.name for m in record.metrics] == metrics, ask
    assert repr(results)
    assert results.to_markdown()


def test_the_board_shows_it(pictures, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told("evaluate", "-m", "random", "--data", pictures, "--out", "run")
    record = json.loads((tmp_path / "run/pictures/record.json").read_text())
    (tmp_path / "subs").mkdir()
    words = ("leaderboard", "build", "--submissions", "subs", "--runs", "run", "--out", "board")
    assert told(*words)[0] == 0
    score = f">{100 * record['score']:.1f}<i>"
    home = (tmp_path / "board/measured/full.html").read_text()
    assert "pictures" in home
    assert score in home
    page = (tmp_path / "board/tasks/pictures.html").read_text()
    assert score in page
    assert "find the picture of a caption" in page
    # a record that tells nothing of its task, as earlier ones
    del record["definition"]
    for name in ("record.json", "record.sha256"):
        (tmp_path / "run/pictures" / name).unlink()
    (tmp_path / "run/pictures/record.json").write_text(json.dumps(record))
    assert told(*words)[0] == 0
    assert score in (tmp_path / "board/measured/full.html").read_text()
    assert score in (tmp_path / "board/tasks/pictures.html").read_text()
