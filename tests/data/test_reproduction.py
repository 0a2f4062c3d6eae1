"""The paper's tables on drawn pictures below annotations as published."""

from __future__ import annotations

import json
from types import SimpleNamespace

import data_trees
import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.data.pets import PET_CLASSES
from gdbench.data.published import Figure, published_source
from gdbench.errors import InputError
from gdbench.models.zoo import MODELS
from gdbench.records import MetricValue
from gdbench.reproduce import mini
from gdbench.reproduce.agreement import judged, of_figure, of_metric, share
from gdbench.reproduce.plan import Plan, jobs, kinds_of_lora
from gdbench.reproduce.recipe import TABLES, items_of, paper_table
from gdbench.tasks import TASKS

STAND_INS = (
    "sd2.1=mini-sd", "sd2.1-hardneg=mini-sd", "sd2.1-noneg=mini-sd", "sd1.5=mini-sd-early",
    "clip-rn50x64=mini-clip",
    "openclip-vit-l14=mini-clip", "clip-vit-b32=mini-clip",
)  # fmt: skip


def reproduce(tree, out, *arguments, stand_ins=STAND_INS):
    """The verb on the drawn tree with the bundled models in place of the paper's."""
    models = [part for name in stand_ins for part in ("--model", name)]
    return CliRunner().invoke(
        app,
        [
            "reproduce", "krojer2023", "--root", str(tree), "--out", str(out), "--allow-partial",
            "--samples", "1", "--limit", "1", *models, *map(str, arguments),
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The eight tasks, a few items each, in the release's layout."""
    return data_trees.everything(tmp_path_factory.mktemp("drawn") / "data", list(PET_CLASSES))


@pytest.fixture(scope="module")
def whole(drawn, tmp_path_factory):
    """All four tables on the drawn tree, every row: its folder of runs and what was printed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    lora = MODELS.get("mini-sd-hardneg").lora
    given = [part for kind in kinds_of_lora() for part in ("--lora", f"{kind}={lora}")]
    done = reproduce(drawn, out, "--json", *given)
    assert done.exit_code == 0, done.output
    return out, json.loads(done.stdout)["tables"], given


@pytest.mark.slow
def test_the_whole_runs_through_on_drawn_pictures(whole):
    out, tables, _ = whole
    assert [table["table"] for table in tables] == ["1", "2", "3", "runtime"]
    for table in tables[:3]:
        assert [row["row"] for row in table["rows"]] == [
            r.label for r in TABLES[table["table"]].rows
        ]
        for row in table["rows"]:
            for cell in row["figures"]:
                assert cell["ours"] is not None, (row["row"], cell)
                assert cell["verdict"] in {"agrees", "differs", "cannot tell"}
    rows = {row["row"]: row for row in tables[0]["rows"]}
    # one item tells nothing, and the page says so
    wino = [c for c in rows["CLIP RN50x64"]["figures"] if c["task"] == "winoground"]
    assert {c["verdict"] for c in wino} == {"cannot tell"}
    assert "250 timesteps asked for by the authors, 1 by us" in rows["SD 2.1"]["budget"]
    # the row without normalisation is the same run, read otherwise
    naive = rows["SD 2.1, image retrieval not normalised"]
    assert "|norm:none|" in naive["signatures"][0]
    # the kinds of negatives were run with their LoRAs
    kinds = {row["row"]: row["signatures"][0] for row in tables[1]["rows"]}
    assert all("|lora:" in kinds[name] for name in ("random texts", "hard texts", "hard images"))
    assert "|lora:" not in kinds["SD 2.1"]
    assert all(row["ours_minutes"] > 0 for row in tables[3]["runtimes"])
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_finished_runs_are_taken_and_written_as_page_and_markdown(whole, drawn, tmp_path):
    out, tables, given = whole
    page = tmp_path / "page.html"
    again = reproduce(drawn, out, "--no-run", "--format", "md", "--report", page, *given)
    assert again.exit_code == 0, again.output
    text = page.read_text()
    cells = [c for t in tables[:3] for row in t["rows"] for c in row["figures"]]
    for table in tables:
        assert f"## Table {table['table']}: " in again.stdout
        assert f"<h2>Table {table['table']}: " in text
    assert again.stdout.count("| cannot tell |") == sum(
        c["verdict"] == "cannot tell" for c in cells
    )
    assert text.count('<td class="n">cannot tell</td>') == again.stdout.count("| cannot tell |")
    assert text.count("<svg") >= 3  # the differences of each table of scores
    assert "<script" not in text


@pytest.mark.slow
def test_the_budget_lite_asks_the_items_of_lite(drawn, tmp_path):
    out = tmp_path / "out"
    done = reproduce(drawn, out, "--table", 3, "--budget", "lite", "--json")
    assert done.exit_code == 0, done.output
    records = [json.loads(p.read_text()) for p in out.glob("*/bias/record.json")]
    assert {record["task"]["suite"] for record in records} == {"lite"}
    # runs of the full suite are none of them
    other = reproduce(drawn, out, "--table", 3, "--no-run", "--json")
    assert other.exit_code == 1
    again = reproduce(drawn, out, "--table", "bias", "--budget", "lite", "--no-run", "--json")
    assert json.loads(again.stdout) == json.loads(done.stdout)  # one table under two names


def test_what_cannot_be_run_is_named_and_the_rest_goes_on(tree, tmp_path):
    nothing = (f"sd1.5={tmp_path / 'nothing'}",)
    found = reproduce(tree, tmp_path / "out", "--table", "bias", stand_ins=nothing)
    # a folder that is none is a mistake in the call
    assert isinstance(found.exception, InputError)
    refused = ("sd1.5=constant", "sd2.1=constant", "clip-vit-b32=mini-clip")
    found = reproduce(tree, tmp_path / "out", "--table", "bias", stand_ins=refused)
    assert found.exit_code == 1
    assert "not run" in found.stdout
    assert "constant does not use" in found.stdout


def test_one_reason_for_many_tasks_is_one_line(drawn, tmp_path):
    found = reproduce(drawn, tmp_path / "out", "--table", 2, "--no-run", "--json")
    assert found.exit_code == 1
    (first, *_) = json.loads(found.stdout)["tables"][0]["rows"]
    assert first["notes"] == [f"{', '.join(TABLES['2'].rows[0].figures())}: no finished run"]


@pytest.mark.slow
def test_the_runtime_is_of_text_retrieval_alone(whole):
    runtimes = whole[1][3]["runtimes"]
    assert [row["authors_minutes"] for row in runtimes] == [68, 4]
    assert [row["n"] for row in runtimes] == [1, 1]


@pytest.mark.parametrize(
    ("planted", "control", "verdict"),
    [(0.9, 0.1, "shown"), (0.55, 0.53, "not shown"), (0.2, -0.9, "not shown")],
)
def test_a_bias_needs_more_than_a_pair_without_any(planted, control, verdict):
    def metric(name):
        value = {"dax_wug": planted, "fep_zam": control}[name]
        return MetricValue(name=name, value=value, n=300, low=value - 0.22, high=value + 0.22)

    runs = {"mini-sd": {"bias": SimpleNamespace(metric=metric)}}
    (finding,) = mini._bias(runs)
    assert (finding.verdict, finding.n) == (verdict, 600)


def test_numbers_of_items_are_the_authors_own():
    flickr = TASKS.get("flickr30k")
    figures = published_source("sd21_250_steps").figures
    of_task = [f for f in figures if f.task == "flickr30k"]
    assert items_of(flickr, of_task) == 112  # 96 for pictures, 112 for texts
    clevr = [f for f in figures if f.task == "clevr"]
    assert items_of(TASKS.get("clevr"), clevr) == 309  # 2,160 over seven sub-tasks
    bias = published_source("bias_20_steps").figures
    assert items_of(TASKS.get("bias"), list(bias)) is None
    ours = {job.task: job for row, job in jobs(paper_table("1"), Plan()) if row.label == "SD 2.1"}
    assert ours["imagecode"].limit == 160
    assert ours["winoground"].limit is None


def test_rows_of_which_no_weights_were_released_need_a_lora(tmp_path):
    asked = {row.label for row, _ in jobs(paper_table("2"), Plan())}
    assert asked == {"SD 2.1", "SD 2.1 + NoNeg", "SD 2.1 + HardNeg"}
    given = {row.label for row, _ in jobs(paper_table("2"), Plan(loras={"hard-text": "here"}))}
    assert given - asked == {"hard texts"}


def test_the_test_is_welchs_on_the_items_themselves():
    """The p-value is scipy's on the raw 0 and 1 of both runs, one of each added."""
    theirs = np.r_[np.ones(59), np.zeros(37), 1, 0]
    ours = np.r_[np.ones(300), np.zeros(700), 1, 0]
    (found,) = judged([(share(59 / 96, 96), share(0.3, 1000))], [0.05])
    known = stats.ttest_ind(ours, theirs, equal_var=False)
    # scipy divides by n - 1, a share's own deviation by n: 1 % for 98 items
    assert found.p_value == pytest.approx(known.pvalue, rel=0.2)
    assert found.verdict == "differs"
    ends = known.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1e-3)


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict"),
    [
        ((0.60, 5000), (0.61, 5000), "agrees"),
        ((0.60, 5000), (0.70, 5000), "differs"),
        ((0.11, 72), (0.20, 72), "cannot tell"),
        ((0.0, 72), (0.0, 72), "agrees"),
        ((0.0, 10), (0.0, 10), "cannot tell"),
    ],
)
def test_verdicts(theirs, ours, verdict):
    (found,) = judged([(share(*theirs), share(*ours))], [0.05])
    assert found.verdict == verdict


def test_equal_runs_are_called_different_in_one_of_twenty_at_most():
    rng = np.random.default_rng(7)
    n = 400
    wrong = 0
    for p in rng.uniform(0.02, 0.98, 400):
        a, b = rng.binomial((96, n), p) / (96, n)
        wrong += judged([(share(a, 96), share(b, n))], [0.05])[0].verdict == "differs"
    assert wrong <= stats.binom.isf(0.001, 400, 0.05)


def test_repeated_items_and_unknown_numbers_of_items():
    figure = Figure(model="m", task="winoground", metric="text", value=0.395, direction="matching",
                    n=448, repeated=48)  # fmt: skip
    assert of_figure(figure).n == 402
    unknown = figure.model_copy(update={"n": None, "repeated": None})
    (found,) = judged([(of_figure(unknown), share(0.9, 400))], [0.05])
    assert (found.verdict, found.p_value) == ("cannot tell", None)


def test_clustered_items_and_noise_widen_the_difference():
    plain = {"name": "text", "value": 0.5, "n": 400, "strict": 0.5, "low": 0.451, "high": 0.549}
    alone = of_metric(MetricValue(**plain))
    assert alone.n == pytest.approx(402, rel=0.02)
    clustered = of_metric(MetricValue(**plain | {"low": 0.40, "high": 0.60}))
    assert clustered.n < alone.n / 3
    noisy = of_metric(MetricValue(**plain | {"noise_se": 0.02}))
    assert noisy.error == pytest.approx(np.hypot(alone.error, np.sqrt(2) * 0.02))


def test_error_of_an_effect_size_is_that_of_drawn_groups():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(2000):
        x, y = rng.normal(1.6, 1, 250), rng.normal(0, 1, 250)
        found.append((x.mean() - y.mean()) / np.concatenate([x, y]).std())
    figure = Figure(model="m", task="bias", metric="christian_muslim", value=float(np.mean(found)),
                    direction="association")  # fmt: skip
    assert of_figure(figure).error == pytest.approx(np.std(found), rel=0.08)
