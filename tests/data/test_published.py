from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from scipy.stats import binomtest

from gdbench.data.published import (
    Figure,
    Source,
    published_results,
    published_source,
    published_sources,
)
from gdbench.errors import UnknownNameError
from gdbench.protocol import Query
from gdbench.tasks import GDBENCH, TASKS

# The release's held-out check is no task here; which of COLA's three scores is meant is not stated.
OUTSIDE = {("mscoco_val", "text"), ("cola", "multi")}
CHANCE = {"image_r1": 0.1, "text_r1": 0.1, "image_r5": 0.5, "text_r5": 0.5}


def test_figures_are_fractions_of_known_metrics():
    results = published_results()
    assert len(results) > 500
    for r in results:
        if (r.task, r.metric) not in OUTSIDE:
            names = {m.name for m in TASKS.get(r.task).measures}
            assert r.metric in names, (r.task, r.metric)
        if r.direction == "association":
            assert -2 <= r.value <= 2  # the largest effect size two equal groups can have
        else:
            assert 0 < r.value <= 1
    keys = [(r.source, r.settings, r.model, r.task, r.metric) for r in results]
    assert len(set(keys)) == len(keys)


def test_counts_are_whole():
    for r in published_results():
        if r.right is not None:
            assert r.n is not None
            assert 0 <= r.right <= r.n
            assert r.value == pytest.approx(r.right / r.n, abs=5.1e-5)
        assert (r.repeated or 0) < 60  # at most what fills the last batches of seven GPUs
        assert r.ties is None or (r.n is not None and r.ties <= r.n)
        assert (r.normalised is None) or "Diffusion" in r.model


def test_repeated_items_leave_a_complete_task():
    checked = 0
    for r in published_results():
        if r.repeated and r.task in GDBENCH:
            counts = TASKS.get(r.task)
            known = {*(counts.compat_expected or {}).values(), *counts.expected["full"].values()}
            known |= {sum(counts.expected["full"].values())}
            if known != {0}:
                assert r.n - r.repeated in known, r
                checked += 1
    assert checked > 60


@pytest.mark.parametrize("suite_task", sorted(GDBENCH))
def test_directions_are_those_of_the_items(suite_task):
    task = TASKS.get(suite_task)
    first = {}
    for item in task.items("mini"):
        first.setdefault(item.subtask, item.query)
    words = {
        Query.TEXT_RETRIEVAL: "text",
        Query.IMAGE_RETRIEVAL: "image",
        Query.MATCHING: "matching",
    }
    measures = {m.name: m for m in task.measures}
    for r in published_results():
        if r.task == suite_task and r.direction != "association":
            subtasks = getattr(measures[r.metric], "subtasks", tuple(first))
            assert {words[first[s]] for s in subtasks} == {r.direction}, r


def test_image_retrieval_without_normalisation_is_chance_and_with_it_is_not():
    """The paper's first finding, by an exact binomial test on the authors' own counts."""
    naive, normal = [], []
    for r in published_results():
        if r.task == "flickr30k" and r.direction == "image" and r.right and r.normalised:
            p = binomtest(r.right, r.n, CHANCE[r.metric]).pvalue
            (naive if r.normalised == "none" else normal).append(p)
    assert len(naive) == 4
    assert min(naive) > 0.05
    assert max(normal) < 1e-6


def test_ranks_and_groups_are_ordered():
    for source in published_sources():
        of = {(f.model, f.task, f.metric): f for f in source.figures}
        for (model, task, metric), f in of.items():
            if metric.endswith("_r1") and (model, task, f"{metric[:-1]}5") in of:
                assert f.value <= of[model, task, f"{metric[:-1]}5"].value
            if metric == "group":
                assert f.value <= min(of[model, task, m].value for m in ("text", "image"))


def test_runtimes_name_sub_tasks_that_are_there():
    found = [r for s in published_sources() for r in s.runtimes]
    assert {r.minutes for r in found} == {68, 4}
    for r in found:
        assert r.subtask in TASKS.get(r.task).expected["full"]


def test_a_value_that_is_not_its_count_is_refused():
    figure = published_source("sd21_naive_250_steps").figures[0]
    assert (figure.right, figure.n) == (8, 72)
    with pytest.raises(ValidationError, match="is not 9 of 72"):
        Figure.model_validate(figure.model_dump() | {"right": 9})
    with pytest.raises(UnknownNameError):
        published_source("nothing")


def test_fractions_that_are_known_exactly():
    """The counts of right items that are behind some of the printed percentages."""
    right = {
        ("CLIP RN50x64", "flickr30k", "image_r1"): 729,
        ("CLIP RN50x64", "flickr30k", "text_r1"): 667,
        ("CLIP RN50x64", "aro", "vg_attribution"): 18031,
        ("CLIP RN50x64", "aro", "coco_order"): 13007,
        ("CLIP RN50x64", "aro", "flickr30k_order"): 2983,
        ("CLIP RN50x64", "imagecode", "static_r1"): 222,
        ("CLIP RN50x64", "clevr", "micro"): 4783,
        ("CLIP RN50x64", "pets", "accuracy"): 653,
        ("CLIP RN50x64", "svo", "verb"): 6206,
    }
    found = {(r.model, r.task, r.metric): r for r in published_results() if r.n}
    for key, count in right.items():
        result = found[key]
        assert result.n is not None
        assert result.value == pytest.approx(count / result.n, abs=6e-5)


def test_clevr_macro_is_the_mean_of_its_sub_tasks():
    for source in published_sources():
        by_model: dict[str, dict[str, float]] = {}
        for figure in source.figures:
            if figure.task == "clevr":
                by_model.setdefault(figure.model, {})[figure.metric] = figure.value
        for values in by_model.values():
            macro = values.pop("macro", None)
            values.pop("micro", None)
            if macro is not None:
                assert len(values) == 7
                assert macro == pytest.approx(sum(values.values()) / 7, abs=1e-3)


def test_a_file_with_an_unknown_field_or_badge_is_refused():
    (first, *_) = published_sources()
    content = json.loads(first.model_dump_json())
    Source.model_validate(content)
    for change in ({"badge": "measured"}, {"rank": 1}, {"schema_version": 2}):
        with pytest.raises(ValidationError):
            Source.model_validate(content | change)
