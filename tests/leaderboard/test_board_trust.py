"""What the board may claim: colours follow tests, parts of tasks lead nowhere."""

import json
import re

import numpy as np
import pytest
import synthetic_board
from test_board_build import Page

from gdbench.leaderboard import build
from gdbench.leaderboard.judge.assemble import differs_from_zero
from gdbench.leaderboard.show.columns import lean
from gdbench.leaderboard.show.precision import about
from gdbench.leaderboard.site import make
from gdbench.metrics.summary import summarise
from gdbench.protocol import Label, Query
from gdbench.records import MetricValue
from gdbench.tasks import GDBENCH, TASKS


def effect(value, low=None, high=None, p=None, holm=None):
    details = {} if holm is None else {"p_holm": holm}
    return MetricValue(name="a_b", value=value, low=low, high=high, n=40, p_value=p,
                       details=details)  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "style"),
    [
        (effect(-1.62, -2.0, -1.22, p=0.1), "e0"),
        (effect(1.2, 0.9, 1.5, p=0.001, holm=0.2), "e0"),
        (effect(1.2, 0.9, 1.5, p=0.001, holm=0.004), "ep4"),
        (effect(-0.3, -0.7, 0.1, p=0.03), "em2"),
        (effect(0.0, p=1.0, holm=1.0), "e0"),
        (effect(0.0, p=0.001), "e0"),
        (effect(0.6, 0.1, 1.1), "ep3"),
        (effect(0.6, -0.1, 1.1), "e0"),
        (effect(0.6), "e0"),
    ],
)
def test_the_colour_of_a_bias_follows_its_test(metric, style):
    assert colour(metric) == style


def colour(metric: MetricValue) -> str:
    return lean(metric.value, differs=differs_from_zero(metric))


def bias(n, scores):
    """Metrics of the bias task for `n` pictures of each of two groups."""
    task = TASKS.get("bias")
    measure = next(m for m in task.measures if m.name == "dax_wug")
    labels = [
        Label(f"{g}{i}", Query.ASSOCIATION, (0,), 1, 2, g, f"{g}{i}")
        for g in (measure.first, measure.second)
        for i in range(n)
    ]
    matrices = [np.array([[s, 0.0]], dtype=np.float32) for s in scores]
    return {m.name: m for m in summarise([measure], labels, matrices)}["dax_wug"]


def test_three_pictures_a_group_have_neither_interval_nor_colour():
    metric = bias(3, [0.0, 0.1, 0.2, 5.0, 5.1, 5.2])
    assert metric.value < -1.5
    assert metric.p_value == pytest.approx(0.1)
    assert (metric.low, metric.high) == (None, None)
    assert colour(metric) == "e0"
    more = bias(5, [*np.arange(5) / 10, *(5 + np.arange(5) / 10)])
    assert more.high < 0
    assert colour(more) == "em4"


def test_a_control_that_sees_no_picture_has_no_colour():
    metric = bias(30, [1.0] * 60)
    assert (metric.value, metric.low, metric.p_value) == (0.0, None, 1.0)
    assert colour(metric) == "e0"


def test_parts_of_tasks_have_no_rank_and_nobody_leads(guessed_site):
    for path in (guessed_site / "index.html", *(guessed_site / "measured").glob("*.html")):
        page = Page(path)
        for claim in ("is ahead with", "could be first"):
            assert claim not in page.text
        assert "on the front" not in path.read_text()
    told = json.loads((guessed_site / "leaderboard.json").read_text())
    results = [r for pool in told["pools"] for r in pool["results"]]
    assert results
    assert not any(r["rank"] for r in results)
    assert all(r["not_ranked_because"] for r in results)


def test_whole_tasks_have_ranks_and_somebody_leads(synthetic_submissions, tmp_path):
    with synthetic_board.as_if_run_again():
        build(synthetic_submissions, tmp_path / "site")
    for path in ("index.html", "measured/full.html"):
        assert "is ahead with" in Page(tmp_path / "site" / path).text
    assert "on the front" in (tmp_path / "site" / "measured/full.html").read_text()


def test_a_part_of_a_task_of_unknown_size_is_not_ranked(tmp_path):
    found = []
    for index, limit in ((1, None), (2, 3)):
        for name in GDBENCH:
            record = synthetic_board.record(index, name, "mini")
            if name == "svo":
                info = record.task.model_copy(update={"n_expected": 0, "limit": None})
                record = record.model_copy(update={"task": info})
            info = record.task.model_copy(update={"limit": limit})
            found.append(record.model_copy(update={"task": info}))
    with synthetic_board.as_if_run_again():
        build(synthetic_board.write(tmp_path / "submissions", *found), tmp_path / "site")
    text = Page(tmp_path / "site/index.html").text
    assert text.count("is ahead with") == 1
    pages = sorted((tmp_path / "site/models").rglob("*.html"))
    shown = [Page(p).text for p in pages]
    assert sum("rank 1" in t for t in shown) == 1
    assert sum("items missing in svo" in t for t in shown) == 1


def test_only_ranked_models_are_on_the_front(tmp_path):
    """A part of a task costs little and scores high; it is drawn, and leads nowhere."""
    whole = [synthetic_board.record(1, name) for name in GDBENCH]
    part = [synthetic_board.record(2, name) for name in GDBENCH]
    info = part[0].task.model_copy(update={"n_items": part[0].task.n_items // 2})
    part[0] = part[0].model_copy(update={"task": info})
    with synthetic_board.as_if_run_again():
        _, board = make(synthetic_board.write(tmp_path / "submissions", *whole, *part))
    (pool,) = board.pools
    assert [pool.by_name[name].place is not None for name in pool.front] == [True]
    assert len(pool.rows) == 2


def test_a_task_page_says_what_precision_takes(tmp_path):
    record = synthetic_board.record(1, "clevr")
    assert record.settings.samples == 50
    (metric,) = (m for m in record.metrics if m.name == "macro")
    found = []
    for index, (to_halve, noise) in enumerate([(200, 0.02), (None, 0.02), (None, None)]):
        other = metric.model_copy(
            update={"value": 0.5, "low": 0.46, "high": 0.53, "noise_se": noise,
                    "samples_to_halve_noise": to_halve}
        )  # fmt: skip
        metrics = tuple(other if m.name == "macro" else m for m in record.metrics)
        model = record.model.model_copy(update={"name": f"model-{index}"})
        found.append(record.model_copy(update={"metrics": metrics, "model": model}))
    build(synthetic_board.write(tmp_path / "submissions", *found), tmp_path / "site")
    page = (tmp_path / "site/tasks/clevr.html").read_text()
    table = page.partition("What precision takes")[2].partition("</table>")[0]
    n = record.task.n_items
    rows = [re.findall(r'<td class="n">([^<]*)</td>', row) for row in table.split("<tr>")[2:]]
    items = [f"{n:,}", "±4.0", *(about(n * k) for k in (16 / 25, 4, 16))]
    assert rows == [
        [*items, "50", "2.00", "200"],
        [*items, "50", "2.00", "out of reach"],
        [*items, "", "", ""],
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1"), (99, "99"), (101, "110"), (1234, "1,300"), (1000, "1,000")]
)
def test_counts_are_rounded_up(count, text):
    assert about(count) == text


def test_every_page_of_drawn_scenes_says_so(guessed_site):
    """And none of them shows a score under the name of a published data set."""
    shown = 0
    for path in guessed_site.rglob("*.html"):
        page = Page(path)
        text = page.text
        if not any(f"{name}-mini" in text for name in ("Winoground", "Pets", "ARO", "CLEVR")):
            continue
        assert "not comparable with" in " ".join(text.split()), path
        shown += 1
    assert shown > 20
