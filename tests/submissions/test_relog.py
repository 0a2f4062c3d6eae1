"""`score`: other options on the same log equal a run with these options."""

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.records import ResultRecord
from gdbench.signature import parse_signature
from gdbench.submissions.relog import score_run
from gdbench.tasks import TASKS


def test_without_options_the_record_comes_again(runs):
    (again,) = score_run(runs / "denoising")
    record = ResultRecord.model_validate_json(
        (runs / "denoising/winoground/record.json").read_bytes()
    )
    assert again == record


@pytest.mark.parametrize(
    "options",
    [
        {"norm": "mse"},
        {"samples": 8},
        {"normalise": False},
        {"norm": "mse", "samples": 8, "normalise": False},
    ],
)
def test_other_options_equal_a_run_with_them(denoising, tmp_path, options):
    base, other = denoising(), denoising(**options)
    evaluate(base, [TASKS.get("winoground")], tmp_path / "base", suite="mini", limit=20)
    (expected,) = evaluate(
        other, [TASKS.get("winoground")], tmp_path / "other", suite="mini", limit=20
    )
    (found,) = score_run(tmp_path / "base", **options)
    assert found.metrics == expected.metrics
    assert found.score == expected.score
    assert found.settings == expected.settings
    assert found.signature == expected.signature
    assert found.cost.unet_evaluations == expected.cost.unet_evaluations
    measured = base_cost(tmp_path / "base")
    timed = options.keys() == {"norm"}
    assert measured.wall_seconds > 0
    assert measured.peak_memory_bytes > 0
    for name in ("wall_seconds", "device_seconds", "peak_memory_bytes"):
        assert getattr(found.cost, name) == (getattr(measured, name) if timed else None)


def base_cost(run):
    return ResultRecord.model_validate_json((run / "winoground/record.json").read_bytes()).cost


def test_tie_rules(runs):
    strict, lenient, plain = (
        {r.task.name: r for r in score_run(runs / "hashing", ties=t)}
        for t in ("strict", "lenient", None)
    )
    metric = plain["winoground"].metric("text")
    assert metric.ties > 0
    assert strict["winoground"].metric("text").value == metric.strict
    assert lenient["winoground"].metric("text").value == metric.lenient
    assert parse_signature(strict["winoground"].signature)["ties"] == "strict"
    assert strict["bias"].metrics == plain["bias"].metrics


def test_what_the_log_cannot_serve(runs, pristine):
    with pytest.raises(InputError, match="averages over timesteps"):
        score_run(runs / "hashing", samples=3)
    with pytest.raises(InputError, match="the log has 1 to 12"):
        score_run(runs / "denoising", samples=13)
    with pytest.raises(InputError, match="grid of the 2023 release"):
        score_run(runs / "denoising", samples=5)
    with pytest.raises(InputError, match="no per-timestep errors"):
        score_run(pristine / "denoising/2", normalise=False)


def test_scores_are_seeded(runs):
    a, b = (score_run(runs / "hashing", seed=s)[0] for s in (0, 1))
    assert np.isclose(a.metrics[0].value, b.metrics[0].value)
    assert a.metrics != b.metrics
