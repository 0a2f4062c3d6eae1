"""The report of one run: one file, nothing else is needed, the numbers are the record's."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
import synthetic_board
from test_board_build import Page
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.evaluation import evaluate
from gdbench.leaderboard.report import judge, write_report
from gdbench.tasks import GDBENCH, TASKS

HOSTILE = 'it is "good" & {{ 7 * 7 }}'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "slow"
    model = synthetic_board.Guesser("slow", 1.0, timesteps=10, family="diffusion-unet")
    model.card = model.card.model_copy(update={"description": HOSTILE})
    names = ("flickr30k", "winoground", "pets", "bias")
    evaluate(model, [TASKS.get(name) for name in names], folder, suite="mini", limit=12)
    return folder


@pytest.fixture(scope="module")
def report(run):
    return write_report(run)


def test_it_is_one_file_that_loads_nothing_and_runs_nothing(report):
    page = Page(report)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "form"})
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            target = attributes.get(key) or ""
            if tag == "img" and key == "src":
                assert target.startswith("data:image/png;base64,")
            assert tag in ("a", "img", "use") or not target
            assert target.startswith(("#", "https://arxiv.org/", "data:")) or not target
        assert "style" not in attributes
        assert not [k for k in attributes if k.startswith("on")]
    text = report.read_text()
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text
    assert HOSTILE in page.text
    assert report.stat().st_size < 2_000_000


def test_its_numbers_are_the_records(run, report):
    text = Page(report).text
    for name in ("flickr30k", "winoground", "pets"):
        record = json.loads((run / name / "record.json").read_text())
        assert f"{100 * record['score']:.1f}" in text
        assert record["signature"] in text
        for metric in record["metrics"]:
            assert f"{100 * metric['value']:.1f}" in text
    assert "not comparable" in text
    assert "Pets-mini" in text


def test_hardest_items_are_those_that_are_most_behind(run):
    (_, tasks), *others = judge(run).parts
    assert not others
    for task in tasks:
        if task.task.name == "bias":
            assert task.n_wrong is None
            continue
        answers = task.result.reading.answers
        items = {i.id: i for i in task.task.items("mini")}
        leads = {}
        for key, answer in answers.items():
            item, matrix = items[key], answer.matrix
            if item.query.value == "matching":
                (a, b), (c, d) = matrix
                leads[key] = min(a - b, d - c, a - c, d - b)
            else:
                line = matrix.reshape(-1)
                gold = item.gold[0]
                leads[key] = line[gold] - np.delete(line, gold).max()
        behind = sorted((lead, key) for key, lead in leads.items() if lead < 0)
        assert task.n_wrong == len(behind)
        assert [j.item.id for j in task.hardest] == [key for _, key in behind[:3]]
        assert all(a.margin <= b.margin for a, b in zip(task.hardest, task.hardest[1:]))  # noqa: B905 # one shorter


def test_the_curve_over_budgets_ends_at_the_score(run):
    (_, tasks), *_ = judge(run).parts
    for task in tasks:
        budget = task.result.reading.budget
        if task.task.name == "bias":
            continue
        if budget:
            k, last = budget[-1]
            assert k == 10
            assert last.value == pytest.approx(task.result.estimate.value)
            assert last.low <= last.value <= last.high


def test_the_same_run_gives_the_same_bytes(run, report, tmp_path):
    again = write_report(run, tmp_path / "deep" / "again.html")
    assert again.read_bytes() == report.read_bytes()


def test_the_command_prints_the_path(run, tmp_path):
    done = CliRunner().invoke(app, ["report", str(run), "--out", str(tmp_path / "r.html")])
    assert done.exit_code == 0
    assert done.stdout.strip() == str(tmp_path / "r.html")
    assert (tmp_path / "r.html").is_file()


@pytest.mark.parametrize("bad", ["empty", "missing", "folder"])
def test_what_is_no_run_is_one_line(bad, run, tmp_path):
    (tmp_path / "empty").mkdir()
    arguments = ["report", str(tmp_path / bad)]
    if bad == "folder":
        arguments = ["report", str(run), "--out", str(tmp_path / "empty")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code != 0
    assert len(str(done.exception or done.output).strip().splitlines()) == 1


def test_it_names_every_task_of_gdbench_by_the_suite(report):
    text = Page(report).text
    assert not re.search(r"Winoground(?!-mini)", text.replace("winoground", ""))
    assert len(GDBENCH) == 8
