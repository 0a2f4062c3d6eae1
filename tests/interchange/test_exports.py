"""Exports, judged by the programs and schemas of those whose formats they are."""

import csv
import io
import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from gdbench.errors import InputError
from gdbench.interchange.exporting import export

ROOT = Path(__file__).parents[2]
(RUN,) = (p for p in (ROOT / "submissions/mini-clip").iterdir() if "+" not in p.name)


def records():
    return {p.parent.name: json.loads(p.read_text()) for p in RUN.glob("*/record.json")}


def schema(name):
    return json.loads((resources.files("every_eval_ever.schemas") / name).read_text())


@pytest.fixture(scope="module")
def eee(tmp_path_factory):
    out = tmp_path_factory.mktemp("eee")
    return out, export(RUN, "every-eval-ever", out, organization="somebody")


def test_every_eval_ever_keeps_its_schemas(eee):
    _, (whole, samples) = eee
    content = json.loads(whole.read_text())
    jsonschema.validate(content, schema("eval.schema.json"))
    judge = jsonschema.Draft7Validator(schema("instance_level_eval.schema.json"))
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    assert not [e.message for row in rows[:200] for e in judge.iter_errors(row)]
    assert content["detailed_evaluation_results"]["total_rows"] == len(rows)


def test_every_eval_ever_passes_its_own_validation(eee, monkeypatch):
    """Paths, companions, identities and bounds too, which no schema has."""
    core = pytest.importorskip("every_eval_ever.validator.validation_core")
    out, files = eee
    monkeypatch.chdir(out)
    for path in files:
        name = path.relative_to(out).as_posix()
        assert core.check_path_structure(name) == []
        report = core.validate_file(path)
        assert report.valid, report.errors
    content = json.loads(files[0].read_text())
    name = files[0].relative_to(out).as_posix()
    assert core.check_model_identity_path(name, content) == []
    assert core.check_score_metadata(content) == []
    assert core.check_model_deployment(content) == []


def test_items_give_the_scores_again(eee):
    """The mean of the items' credits is the metric of the record."""
    _, (whole, samples) = eee
    got = {}
    for line in samples.read_text().splitlines():
        row = json.loads(line)
        got.setdefault(row["evaluation_result_id"], []).append(row["evaluation"]["score"])
    told = {
        r["evaluation_result_id"]: r["score_details"]["score"]
        for r in json.loads(whole.read_text())["evaluation_results"]
    }
    for name in ("winoground/group", "aro/coco_order", "flickr30k/image_r1", "pets/accuracy"):
        assert sum(got[name]) / len(got[name]) == pytest.approx(told[name], abs=1e-12)
        task, _, metric = name.partition("/")
        (value,) = [m["value"] for m in records()[task]["metrics"] if m["name"] == metric]
        assert told[name] == value
    assert not any(name.startswith("bias/") for name in got)


def test_the_same_run_gives_the_same_files(eee, tmp_path):
    out, files = eee
    again = export(RUN, "every-eval-ever", tmp_path, organization="somebody")
    assert [p.relative_to(tmp_path) for p in again] == [p.relative_to(out) for p in files]
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in files]


def test_lm_eval_is_read_by_a_program_that_reads_lm_eval(tmp_path):
    adapters = pytest.importorskip("every_eval_ever.converters.lm_eval.adapter")
    whole, *samples = export(RUN, "lm-eval", tmp_path)
    content = json.loads(whole.read_text())
    adapter = adapters.LMEvalAdapter()
    assert sorted(adapter._get_tasks(content)) == sorted(f"gdbench_{t}" for t in records())
    results = adapter._build_evaluation_results(content, "gdbench_winoground")
    read = {r.metric_config.metric_name: r for r in results}
    group = next(m for m in records()["winoground"]["metrics"] if m["name"] == "group")
    assert read["group"].score_details.score == group["value"]
    assert read["group"].score_details.uncertainty.num_samples == group["n"]
    assert not read["group"].metric_config.lower_is_better
    half = (group["high"] - group["low"]) / 2
    error = read["group"].score_details.uncertainty.standard_error.value
    assert error == pytest.approx(half / 1.959964, rel=1e-6)
    (file,) = [p for p in samples if "_winoground_" in p.name]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 100
    assert sum(line["group"] for line in lines) / 100 == pytest.approx(group["value"])


def test_hub_results_are_read_back_by_the_hub_client(tmp_path):
    (path,) = export(
        RUN, "hub-eval-results", tmp_path, dataset="somebody/gdbench", source_url="https://x.org"
    )
    assert path.relative_to(tmp_path).as_posix() == ".eval_results/gdbench.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text()))
    told = records()
    assert {e.task_id for e in entries} == {t for t, r in told.items() if r["score"] is not None}
    for entry in entries:
        assert entry.dataset_id == "somebody/gdbench"
        assert entry.value == pytest.approx(100 * told[entry.task_id]["score"], abs=0.006)
        assert "suite mini" in entry.notes
    with pytest.raises(InputError, match="give --dataset OWNER/NAME"):
        export(RUN, "hub-eval-results", tmp_path)


def test_csv_has_every_metric_once(tmp_path):
    (path,) = export(RUN, "csv", tmp_path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    got = {(r["task"], r["metric"]): float(r["value"]) for r in rows}
    assert len(got) == len(rows)
    for task, record in records().items():
        for metric in record["metrics"]:
            assert got[task, metric["name"]] == metric["value"]
        if record["score"] is not None:
            assert got[task, "score"] == record["score"]


def test_whose_model_it_is_has_to_be_known(tmp_path, colour_model):
    from gdbench.interchange.finished_run import model_id

    record = json.loads((RUN / "clevr/record.json").read_text())
    path = tmp_path / "mine/1/clevr"
    path.mkdir(parents=True)
    from gdbench.submissions.finished import open_record

    stranger = open_record(RUN / "clevr/record.json")
    renamed = stranger.model_copy(
        update={"model": stranger.model.model_copy(update={"name": "mine"})}
    )
    assert record["model"]["name"] == "mini-clip"
    assert model_id(stranger, None) == "gdbench/mini-clip"
    with pytest.raises(InputError, match="give --model-id OWNER/NAME"):
        model_id(renamed, None)
    assert model_id(renamed, "me/mine") == "me/mine"
    for bad in ("mine", "../x", "a/b/c", "a b/c"):
        with pytest.raises(InputError, match="expected OWNER/NAME"):
            model_id(renamed, bad)
