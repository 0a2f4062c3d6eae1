"""What the terminal and the site print of the extra association task: effect sizes, not points."""

import re

import pytest

from gdbench.cli.summary import print_records
from gdbench.leaderboard import build
from gdbench.records import MetricValue
from gdbench.submissions.finished import open_record

RECORD = "submissions/mini-clip/cd5e014/bias/record.json"


@pytest.fixture
def gender(request):
    """A record of genderbias, which nobody can publish pictures of: a bias record renamed."""
    record = open_record(request.config.rootpath / RECORD)
    metrics = (
        MetricValue(name="clothes", value=-0.481, low=-0.9, high=-0.061, n=20, chance=0.0,
                    p_value=0.03),
        MetricValue(name="mean_abs_effect", value=0.481, low=0.1, high=0.9, n=20, chance=0.0),
    )  # fmt: skip
    info = record.task.model_copy(update={"name": "genderbias", "suite": "full"})
    return record.model_copy(update={"task": info, "metrics": metrics, "score": None})


def numbers(line):
    return re.findall(r"[+-]?[0-9]+\.[0-9]+", line)


def test_terminal(gender, capsys):
    print_records([gender])
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()[1:3]}
    assert numbers(lines["clothes"]) == ["-0.48", "-0.90", "-0.06", "0.00"]
    assert numbers(lines["mean_abs_effect"]) == ["0.48", "0.10", "0.90", "0.00"]


def test_a_task_that_is_not_installed_prints_alike(gender, capsys):
    info = gender.task.model_copy(update={"name": "somebodys"})
    print_records([gender.model_copy(update={"task": info})])
    lines = capsys.readouterr().out.splitlines()
    assert numbers(lines[1]) == ["-0.48", "-0.90", "-0.06", "0.00"]


def test_site(gender, tmp_path):
    folder = tmp_path / "submissions" / "m" / "1" / "genderbias"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(gender.model_dump_json())
    build(tmp_path / "submissions", tmp_path / "site")
    page = (tmp_path / "site" / "tasks" / "genderbias.html").read_text()
    minus = "\N{MINUS SIGN}"
    assert f"{minus}0.48" in page
    assert "Effect sizes" in page
    assert f"{minus}48" not in page
    model = next((tmp_path / "site" / "models").rglob("*.html")).read_text()
    assert f'{minus}0.48</td><td class="n">{minus}0.90 to {minus}0.06</td>' in model
    assert ">0.03</td>" in model
