from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from gdbench.data.published import Source, published_results, published_sources
from gdbench.tasks import GDBENCH, TASKS


def test_figures_are_fractions_of_known_metrics():
    results = published_results()
    for r in results:
        if r.task in GDBENCH:
            names = {m.name for m in TASKS.get(r.task).measures}
            assert r.metric in names, (r.task, r.metric)
        if r.task == "bias":
            assert -2 <= r.value <= 2  # the largest effect size two equal groups can have
        else:
            assert 0 < r.value <= 1
    keys = [(r.source, r.settings, r.model, r.task, r.metric) for r in results]
    assert len(set(keys)) == len(keys)


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
