import json
from dataclasses import replace

import numpy as np
import pytest

from gdbench.errors import InputError, ModelOutputError, RunMismatchError
from gdbench.evaluation import evaluate
from gdbench.protocol import ModelCard, Scores
from gdbench.records import ResultRecord
from gdbench.tasks.base import limited, manifest_sha256


def timeless(record: ResultRecord) -> dict:
    data = record.model_dump(mode="json")
    del data["created"], data["cost"]["wall_seconds"], data["cost"]["peak_memory_bytes"]
    return data


def test_right_model_is_right_and_the_record_reads_back(tmp_path, colour_task, colour_model):
    (record,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    assert record.score == 1.0
    assert {m.name: (m.value, m.n) for m in record.metrics} == {
        "text_r1": (1.0, 12), "image_r1": (1.0, 12), "group": (1.0, 12),
    }  # fmt: skip
    assert not record.partial
    written = (tmp_path / "run/colours/record.json").read_bytes()
    assert ResultRecord.model_validate_json(written) == record
    assert (tmp_path / "run/colours/scores.parquet").is_file()
    assert json.loads((tmp_path / "run/run.json").read_text())["model"]["name"] == "colours"


def test_constant_model_is_exactly_at_chance(tmp_path, colour_task):
    class Constant:
        card = ModelCard(name="constant")

        def score(self, images, texts):
            return np.zeros((len(images), len(texts)))

    (record,) = evaluate(Constant(), [colour_task], tmp_path / "run", suite="mini")
    assert [m.value for m in record.metrics] == pytest.approx([0.25, 0.25, 1 / 6], abs=1e-12)
    assert [m.chance for m in record.metrics] == pytest.approx([0.25, 0.25, 1 / 6], abs=1e-12)
    assert [m.ties for m in record.metrics] == [12, 12, 12]
    assert [m.strict for m in record.metrics] == [0, 0, 0]
    assert [m.lenient for m in record.metrics] == [1, 1, 1]


class Killed(BaseException):
    """Not an `Exception`: most code lets it pass."""


@pytest.mark.parametrize("survived", [1, 7, 35])
def test_killed_run_goes_on_and_ends_in_the_same_record(
    tmp_path, colour_task, colour_model, survived
):
    (whole,) = evaluate(colour_model, [colour_task], tmp_path / "whole", suite="mini")
    score = colour_model.score
    calls = 0

    def mortal(images, texts):
        nonlocal calls
        calls += 1
        if calls > survived:
            raise Killed
        return score(images, texts)

    colour_model.score = mortal
    with pytest.raises(ModelOutputError, match="model colours raised Killed"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    calls = -1000
    (resumed,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    assert calls == -1000 + 36 - survived
    assert timeless(resumed) == timeless(whole)


def test_finished_run_is_not_scored_again(tmp_path, colour_task, colour_model):
    (first,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    colour_model.score = None.__ne__  # would fail at once
    (second,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    assert second == first


def test_run_directory_of_another_model_is_refused(tmp_path, colour_task, colour_model):
    evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    before = (tmp_path / "run/colours/record.json").read_bytes()
    colour_model.card = ModelCard(name="colours", revision="2")
    with pytest.raises(RunMismatchError, match=r'model.revision is "1\+.*" there and "2\+.*" now'):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    colour_model.card = ModelCard(name="colours", revision="1")
    with pytest.raises(RunMismatchError, match="limit"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini", limit=3)
    assert (tmp_path / "run/colours/record.json").read_bytes() == before


def test_folder_that_is_no_run_is_refused(tmp_path, colour_task, colour_model):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunMismatchError, match=r"not empty and has no run\.json"):
        evaluate(colour_model, [colour_task], tmp_path, suite="mini")


def test_changed_data_is_refused(tmp_path, colour_task, colour_model, monkeypatch):
    import drawn_colours

    evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    items = list(drawn_colours.items())
    other = [*items[:-1], replace(items[-1], texts=("another", "text"))]
    monkeypatch.setattr(drawn_colours, "items", lambda: iter(other))
    with pytest.raises(RunMismatchError, match="manifest_sha256"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")


def test_bad_output_loses_nothing_that_was_scored(tmp_path, colour_task, colour_model):
    score = colour_model.score

    def failing(images, texts):
        out = score(images, texts)
        return out * np.nan if "t7" in seen else out

    seen = set()
    stream = colour_task.items("mini")
    ids = [item.id for item in stream]
    calls = iter(ids)

    def counted(images, texts):
        seen.add(next(calls))
        return failing(images, texts)

    colour_model.score = counted
    with pytest.raises(ModelOutputError, match="item t7: the model returned NaN"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    colour_model.score = score
    (record,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
    assert record.score == 1.0


def test_model_that_leaves_out_items_is_refused(tmp_path, colour_task, colour_model):
    def half(items):
        for k, item in enumerate(items):
            if k % 2:
                matrix = np.zeros((len(item.images), len(item.texts)))
                yield Scores(item.id, matrix)

    colour_model.score_items = half
    with pytest.raises(ModelOutputError, match="left out 18 items"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")


def test_model_that_ends_before_it_has_asked_for_all_items_is_refused(
    tmp_path, colour_task, colour_model
):
    def first(items):
        item = next(iter(items))
        yield Scores(item.id, np.zeros((len(item.images), len(item.texts))))

    colour_model.score_items = first
    with pytest.raises(ModelOutputError, match="left out 35 items"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")


def test_model_that_raises_before_a_task_begins_is_one_line(tmp_path, colour_task, colour_model):
    def expect_passes(passes):
        raise ZeroDivisionError("of no\nuse")

    colour_model.score_items = colour_model.continue_items = iter
    colour_model.expect_passes = expect_passes
    with pytest.raises(ModelOutputError, match="raised ZeroDivisionError: of no use"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")


def test_limit_chooses_by_id_whatever_the_order_and_nests(colour_task):
    items = list(colour_task.items("mini"))
    few = {i.id for i in limited(items, 3)}
    more = {i.id for i in limited(items[::-1], 5)}
    assert few < more
    assert len(few) == 9
    assert {i.id for i in limited(items, 3, seed=1)} != few


def test_limited_run_is_partial_and_says_so(tmp_path, colour_task, colour_model):
    (record,) = evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini", limit=2)
    assert record.partial
    assert (record.task.n_items, record.task.n_expected, record.task.limit) == (6, 36, 2)


def test_manifest_does_not_depend_on_order_but_on_content(colour_task):
    items = list(colour_task.items("mini"))
    assert manifest_sha256(items) == manifest_sha256(items[::-1])
    relabelled = [replace(items[0], gold=(1,)), *items[1:]]
    assert manifest_sha256(items) != manifest_sha256(relabelled)


def test_unknown_suite_lists_what_there_is(colour_task):
    with pytest.raises(InputError, match="no suite 'huge'; it has: mini"):
        list(colour_task.items("huge"))


def test_fault_of_a_users_model_is_one_line(tmp_path, colour_task, colour_model):
    def broken(images, texts):
        return 1 / 0

    colour_model.score = broken
    with pytest.raises(ModelOutputError, match=r"ZeroDivisionError: division by zero \(line"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")
