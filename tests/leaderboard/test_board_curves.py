"""Curves over timesteps on the pages of tasks, from the errors that submissions hold."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gdbench.leaderboard import build
from gdbench.leaderboard.judge.error_gap import error_gap
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.scores import ScoreFile

COMMITTED = Path(__file__).parents[2] / "submissions"


def opened(task: str):
    found = sorted(COMMITTED.glob(f"mini-sd/*+mini2/{task}"))
    assert found, "the mini model is among the submissions"
    return open_finished(found[-1], ManifestSource())


def test_the_gap_of_the_errors_is_the_plain_mean_over_items():
    """One picture, two captions and clusters of one item: written out by hand, and scipy's t."""
    finished = opened("clevr")
    single = [
        (label, s) for label, s in zip(finished.labels, finished.scores, strict=True)
        if len(s.matrix) == 1
    ]  # fmt: skip
    by_cluster = {label.cluster: (label, s) for label, s in single}
    chosen = [s for _, s in by_cluster.values()]
    part = replace(finished, file=ScoreFile(tuple(chosen)))
    steps = np.array(finished.record.settings.timesteps)
    gaps = []
    for label, s in by_cluster.values():
        errors = s.errors[0].astype(float)
        (gold,) = label.gold
        wrong = np.delete(errors, gold, axis=0)
        gaps.append((wrong.mean(axis=0) - errors[gold]) / errors.mean(axis=0))
    found = error_gap(part)
    assert [t for t, _ in found] == sorted(steps.tolist())
    for (t, estimate), k in zip(found, np.argsort(steps), strict=True):
        values = np.array(gaps)[:, k]
        low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        assert t == steps[k]
        assert estimate.value == pytest.approx(values.mean())
        assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-6)


def test_a_model_without_errors_has_no_gap():
    finished = opened("clevr")
    bare = tuple(replace(s, errors=None, unconditional_errors=None) for s in finished.scores)
    assert error_gap(replace(finished, file=ScoreFile(bare))) == ()
    assert error_gap(opened("bias")) == ()


def test_the_committed_diffusion_models_have_curves_with_intervals(tmp_path):
    """Of the submissions as they are: a curve of the score and one of the gap on a task's page."""
    submissions = tmp_path / "submissions"
    for model in ("mini-sd", "mini-clip"):
        for folder in COMMITTED.glob(f"{model}/*+mini2/winoground"):
            place = submissions / folder.relative_to(COMMITTED)
            place.mkdir(parents=True)
            for file in folder.iterdir():
                (place / file.name).write_bytes(file.read_bytes())
    build(submissions, tmp_path / "site")
    page = (tmp_path / "site/tasks/winoground.html").read_text(encoding="utf-8")
    for title in ("Score against number of timesteps", "Gap of the errors by timestep"):
        (plot,) = re.findall(rf'<svg[^>]*aria-label="{title}.*?</svg>', page, re.DOTALL)
        assert 'class="curve f-diffusion-unet"' in plot
        assert plot.count('class="whisker"') >= 3
        assert "mini-sd" in plot
        assert "mini-clip" not in plot
