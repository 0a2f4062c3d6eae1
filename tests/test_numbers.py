"""A number's text follows from its unit, never from the name of a task."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from gdbench.errors import GdbenchError
from gdbench.metrics.measures import Recall, unit_of
from gdbench.metrics.summary import summarise
from gdbench.numbers import EFFECT, MAGNITUDE, SHARE, Unit, interval_text, tick_text, value_text
from gdbench.protocol import Label, Query
from gdbench.records import MetricValue
from gdbench.tasks import TASKS

RANK = Unit("rank", places=1)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4812, SHARE, "48.1"),
        (-0.0001, SHARE, "0.0"),
        (-0.4812, EFFECT, "-0.48"),
        (0.4812, EFFECT, "+0.48"),
        (0.0, EFFECT, "0.00"),
        (0.4812, MAGNITUDE, "0.48"),
        (5.5, RANK, "5.5"),
        (None, SHARE, ""),
    ],
)
def test_values(value, unit, text):
    assert value_text(value, unit) == text


def test_differences_carry_their_sign():
    assert value_text(0.031, SHARE, difference=True) == "+3.1"
    assert value_text(-1.25, RANK, difference=True) == "-1.2"


def test_intervals_and_ticks():
    assert interval_text(0.1, 0.25, SHARE) == "10.0 to 25.0"
    assert interval_text(-0.6, 0.1, EFFECT, between="..") == "-0.60..+0.10"
    assert interval_text(None, 0.1, EFFECT) == ""
    assert tick_text(40.0, SHARE) == "40"
    assert tick_text(0.5, EFFECT) == "+0.5"
    assert tick_text(2.5, SHARE, difference=True) == "+2.5"


@pytest.mark.parametrize("name", ["bias", "genderbias"])
def test_all_metrics_of_an_association_task_are_effects(name):
    task = TASKS.get(name)
    pair = MetricValue(name=task.measures[0].name, value=-0.481, n=20, chance=0.0)
    assert task.unit(pair) == EFFECT
    assert task.unit(replace_name(pair, "mean_abs_effect")) == MAGNITUDE


@pytest.mark.parametrize("name", ["winoground", "cola", "selfbench"])
def test_accuracies_are_shares(name):
    task = TASKS.get(name)
    assert {m.unit for m in task.measures} == {SHARE}
    assert task.score_unit == SHARE


def replace_name(metric, name):
    return metric.model_copy(update={"name": name})


def test_without_the_task_the_number_tells():
    share = MetricValue(name="a", value=0.5, n=2, strict=0.5, lenient=0.5)
    assert unit_of(share, ()) == SHARE
    assert unit_of(MetricValue(name="a", value=0.5, n=2, p_value=0.1), ()) == EFFECT
    assert unit_of(MetricValue(name="mean_abs_x", value=0.5, n=2), ()) == MAGNITUDE
    odd = MetricValue(name="a", value=3.5, n=2, strict=4.0, lenient=3.0)
    assert value_text(odd.value, unit_of(odd, ())) == "3.50"


@dataclass(frozen=True)
class MeanRank(Recall):
    """Rank of the right answer: a mean over items that is no share."""

    unit = RANK

    def credits(self, query, gold, matrices):
        lines = matrices[..., 0, :] if query is Query.TEXT_RETRIEVAL else matrices[..., :, 0]
        own = np.take_along_axis(lines, gold, axis=-1)
        best = 1.0 + (lines > own).sum(axis=-1)
        worst = (lines >= own).sum(axis=-1).astype(float)
        tied = best != worst
        return (
            super()
            .credits(query, gold, matrices)
            ._replace(
                expected=(best + worst) / 2, strict=worst, lenient=best, tied=tied, release=best
            )
        )

    def chance(self, label):
        return (1 + max(label.n_images, label.n_texts)) / 2


def test_a_measure_with_another_unit():
    measure = MeanRank("rank", ("a",))
    labels = [Label(f"{i}", Query.TEXT_RETRIEVAL, (0,), 1, 4, "a", f"{i}") for i in range(2)]
    matrices = [np.array([[4.0, 3, 2, 1]]), np.array([[2.0, 4, 3, 2]])]  # ranks 1 and 3 or 4
    (metric,) = summarise([measure], labels, matrices)
    assert (metric.value, metric.strict, metric.lenient, metric.chance) == (2.25, 2.5, 2.0, 2.5)
    task = replace(TASKS.get("clevr"), measures=(measure,), primary=("rank",))
    assert value_text(metric.value, task.unit(metric)) == "2.2"
    assert task.score_unit == RANK


def test_a_score_is_a_mean_in_one_unit():
    task = TASKS.get("clevr")
    with pytest.raises(GdbenchError, match="which are not in one unit"):
        replace(
            task,
            measures=(MeanRank("rank", ("spatial",)), Recall("b", ("spatial",))),
            primary=("rank", "b"),
        )
    with pytest.raises(GdbenchError, match="primary 'macr' is none of its measures"):
        replace(task, primary=("macr",))
