"""What stands in the plots: operations as cost, every front point named, no name cut."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic_board
from hypothesis import given
from hypothesis import strategies as st

from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judge.front import front
from gdbench.leaderboard.judge.whole import build_board
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import Trust
from gdbench.leaderboard.show.figures import cost_plot
from gdbench.leaderboard.show.pages.models import run_facts
from gdbench.leaderboard.show.plots import budget, forest, lettering
from gdbench.leaderboard.show.plots.pareto import Point, draw
from gdbench.metrics.estimate import Estimate
from gdbench.numbers import SHARE, flops


def pool_of(*records):
    entries = [Entry(r, Path(f"/nowhere/{i}/record.json"), str(i)) for i, r in enumerate(records)]
    readings = {e.file: Reading(Trust("audited")) for e in entries}
    return build_board(entries, tasks_of(entries), readings).pools[0]


def test_models_of_all_kinds_stand_on_one_axis_of_operations():
    pool = pool_of(*synthetic_board.records(9))
    plotted = str(cost_plot(pool))
    for row in pool.rows:
        of_record = [r.entry.record.cost.operations for r in row.results.values()]
        if row.flops is None:
            assert f"{row.label}:" not in plotted
            assert row.label in re.search(r"operations not counted: ([^<]*)<", plotted)[1]
            continue
        total = sum(
            o.pictures * o.picture_flops + o.texts * o.text_flops + o.passes * o.pass_flops
            for o in of_record
        )
        assert row.flops == total > 0
        assert f"{row.label}: " in plotted
        assert f"{flops(total / row.n_items)} an item" in plotted
    assert {row.model.family for row in pool.rows if row.flops} > {"contrastive", "diffusion-unet"}
    assert any(row.flops is None for row in pool.rows)


@pytest.mark.parametrize(("index", "said"), [(5, "before they were counted"), (7, "longer text")])
def test_operations_that_are_not_known_are_no_zero(index, said):
    record = synthetic_board.record(index, "svo")
    facts = dict(run_facts(record))
    assert facts["Floating-point operations"].startswith("unknown: ")
    assert said in facts["Floating-point operations"]
    assert (
        "unknown"
        not in dict(run_facts(synthetic_board.record(1, "svo")))["Floating-point operations"]
    )


def test_memory_of_a_device_stands_beside_the_host_s_where_it_is_known():
    on_gpu, on_cpu = (dict(run_facts(synthetic_board.record(k, "svo"))) for k in (1, 2))
    assert on_gpu["Peak memory of the device (claimed)"] == "9GB"
    assert on_gpu["Peak memory (claimed)"] == on_cpu["Peak memory (claimed)"] == "3GB"
    assert "Peak memory of the device (claimed)" not in on_cpu


@pytest.mark.parametrize("count", [5, 60])
def test_every_model_of_the_front_is_named_and_linked(count):
    points = [
        Point(str(i), f"model-{i}", "other", 10.0 ** (i % 7) + i, Estimate(i / 100),
              page=f"models/m{i}.html")
        for i in range(count)
    ]  # fmt: skip
    by_cost = front([(p.name, p.cost, p.score.value) for p in points], lambda a, b: int(a) > int(b))
    plotted = str(draw(points, by_cost))
    best = re.search(r"on the front: ([^\"]*)\"", plotted)[1].split(", ")
    assert best
    for name in best:
        number = name.removeprefix("model-")
        assert re.search(rf'<a href="models/m{number}\.html"><text[^>]*>{name}</text></a>', plotted)


LONG = "Normalised: less the empty prompt's, " + "a-name-without-any-space" * 3


def written(plot) -> str:
    """All words of a plot, without where its lines break."""
    return re.sub(r"\s", "", "".join(re.findall(r"<text[^>]*>([^<]*)</text>", str(plot))))


def test_no_plot_cuts_a_name():
    one = Estimate(0.5, 0.4, 0.6)
    bare = LONG.replace(" ", "").replace("'", "&#39;")
    lines = [forest.Line(LONG, "other", one, "50"), forest.Line(LONG)]
    plotted = forest.draw(lines, "", reference=0.0, unit=SHARE, axis="", note="")
    drawings = str(plotted).split("</svg>")[:-1]
    # for a wide page and for a phone
    assert [written(drawing).count(bare) for drawing in drawings] == [2, 2]
    curve = budget.Curve(LONG, "other", ((1, one), (5, one)))
    assert bare in written(budget.draw([curve], 0.25, SHARE))
    point = Point("p", LONG, "other", 1.0, one)
    assert bare in written(draw([point, replace(point, name="q", cost=9.0)], ["p", "q"]))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_wrapped_lines_are_narrow_and_lose_nothing(words):
    lines = lettering.wrapped(words, 100, 12)
    assert all(lettering.width(line, 12) <= 100 for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", words)
