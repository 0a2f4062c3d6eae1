from dataclasses import replace

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.metrics.association import effect
from gdbench.submissions.comparison import compare_models, rank_models
from gdbench.submissions.results import load_results


@pytest.fixture(scope="session")
def hashing(runs):
    return load_results(runs / "hashing")


def test_a_run_and_its_submission_are_the_same(hashing, pristine):
    submitted = load_results(pristine / "hashing/1")
    found = compare_models(hashing, submitted)
    assert found.first == "hashing@1"
    for row in (*found.tasks.rows, *found.metrics.rows, *found.bias):
        assert (row.difference, row.p_value, row.discordant) == (0, 1, 0)


def test_values_are_those_of_the_records(hashing, runs):
    other = load_results(runs / "denoising")
    found = compare_models(hashing, other)
    (row,) = found.tasks.rows
    assert row.name == "winoground"
    assert row.first == pytest.approx(hashing.tasks["winoground"].record.score)
    assert row.second == pytest.approx(other.tasks["winoground"].record.score)
    assert found.overall is None  # one common task with a score
    for metric in found.metrics.rows:
        record = hashing.tasks["winoground"].record
        assert metric.first == pytest.approx(record.metric(metric.name.partition("/")[2]).value)
    assert found.as_dict()["tasks"][0]["difference"] == row.difference


def test_bias_is_compared_on_the_same_pictures(hashing):
    rng = np.random.default_rng(0)
    result = hashing.tasks["bias"]
    from gdbench.metrics.association import Groups
    from gdbench.metrics.paired_effects import compare_effects

    moved = Groups(
        {
            g: 3 * v + (20 if g == "dax" else 0) + rng.normal(0, 1, len(v))
            for g, v in result.groups.phi.items()
        },
        result.groups.words,
    )
    measures = [m for m in result.task.measures if m.name == "dax_wug"]
    (row,) = compare_effects(measures, moved, result.groups)
    assert row.first == pytest.approx(effect(measures[0], moved).value)
    assert row.second == pytest.approx(result.record.metric("dax_wug").value)
    assert row.low < row.difference < row.high
    (same,) = compare_effects(
        measures,
        Groups(
            {g: 5 * v + 1 for g, v in result.groups.phi.items()},
            {g: 5 * v for g, v in result.groups.words.items()},
        ),
        result.groups,
    )
    assert same.difference == pytest.approx(0, abs=1e-12)
    assert same.p_value == 1
    fewer = replace(result.groups, phi={g: v[1:] for g, v in result.groups.phi.items()})
    with pytest.raises(ValueError, match="same pictures"):
        compare_effects(measures, fewer, result.groups)


def test_parts_of_a_task_have_no_rank(hashing, runs):
    ranking = rank_models([hashing, load_results(runs / "denoising")])
    assert ranking.tasks == ("winoground",)
    assert ranking.unranked == "hashing@1 has 30 of 100 items of winoground"
    assert (dict(ranking.ranks), ranking.groups) == ({}, ())
    with pytest.raises(InputError, match="given twice"):
        rank_models([hashing, hashing])


def test_a_part_of_a_task_of_unknown_size_has_no_rank(hashing, runs):
    def unknown(results, limit):
        task = results.tasks["winoground"]
        info = task.record.task.model_copy(update={"n_expected": 0, "limit": limit})
        record = task.record.model_copy(update={"task": info})
        return replace(results, tasks={"winoground": replace(task, record=record)})

    both = [hashing, load_results(runs / "denoising")]
    part = rank_models([unknown(r, 30) for r in both])
    assert "30 of an unknown number of items" in part.unranked
    assert not part.ranks
    assert len(rank_models([unknown(r, None) for r in both]).ranks) == 2


def test_other_questions_cannot_be_compared(hashing, tmp_path):
    from gdbench.evaluation import evaluate
    from gdbench.models.baselines import Random
    from gdbench.tasks import TASKS

    evaluate(Random(), [TASKS.get("winoground")], tmp_path / "a", suite="mini", limit=5)
    with pytest.raises(InputError, match="not the same items"):
        compare_models(hashing, load_results(tmp_path / "a"))
    evaluate(Random(), [TASKS.get("svo")], tmp_path / "b", suite="mini", limit=5)
    with pytest.raises(InputError, match="no task that all of them have"):
        compare_models(hashing, load_results(tmp_path / "b"))


def test_folders_without_results(tmp_path, tree):
    with pytest.raises(InputError, match="no finished task"):
        load_results(tmp_path)
    (tree / "hashing/1/bias/scores.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="not a Parquet file"):
        load_results(tree / "hashing/1")
