"""What is announced is what is spent."""

from dataclasses import replace

import pytest

from gdbench.evaluation import evaluate
from gdbench.models.diffusion_itm.cost import estimate, throughput
from gdbench.submissions.relog import score_run
from gdbench.tasks import TASKS
from tests.models.diffusion_itm.conftest import mixed_items


def items():
    """Equal pictures are one object, as files in one place are: the estimate opens none."""
    known = {}
    for item in mixed_items(3):
        images = tuple(known.setdefault(image.sha256, image) for image in item.images)
        yield replace(item, images=images)


@pytest.mark.parametrize("normalise", [True, False])
def test_the_estimate_announces_the_passes_that_are_then_run(load, normalise):
    model = load(normalise=normalise)
    found = estimate(model, items())
    assert model.unet_evaluations == 0  # the probe is not charged to the run
    scores = list(model.score_items(items()))
    assert found.passes == model.unet_evaluations
    assert found.items == len(scores)
    assert found.pairs == sum(s.matrix.size for s in scores)
    logged = [s.errors.nbytes for s in scores]
    if normalise:
        bases = [s.unconditional_errors for s in scores]
        logged += [base.nbytes for base in bases if base is not None]
    assert found.disk_bytes >= sum(logged)
    assert found.seconds >= found.passes * found.seconds_per_pass > 0


def test_throughput_is_a_share_of_what_the_device_can_do(load):
    small, large = throughput(load(), [1, 4])
    assert (small.batch_size, large.batch_size) == (1, 4)
    for one in (small, large):
        assert one.passes_per_second == pytest.approx(1 / one.seconds_per_pass)
        assert one.share_of_peak > 0


@pytest.mark.parametrize(
    "options", [{"samples": 4}, {"normalise": False}, {"samples": 4, "normalise": False}]
)
def test_other_options_on_a_log_cost_what_a_run_with_them_does(load, tmp_path, options):
    tasks = [TASKS.get(name) for name in ("winoground", "flickr30k", "aro")]
    evaluate(load(samples=8), tasks, tmp_path / "long", suite="mini", limit=2)
    expected = evaluate(
        load(**({"samples": 8} | options)), tasks, tmp_path / "other", suite="mini", limit=2
    )
    spent = {r.task.name: r.cost.unet_evaluations for r in expected}
    found = score_run(tmp_path / "long", **options)
    assert {r.task.name: r.cost.unet_evaluations for r in found} == spent
    assert all(r.cost.wall_seconds is None for r in found)
