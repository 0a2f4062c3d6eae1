"""The verbs: exit codes, JSON on standard output, one line for a mistake."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from gdbench.cli import app
from gdbench.errors import InputError

runner = CliRunner()


def run(*words):
    result = runner.invoke(app, [str(w) for w in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_submit_then_verify(runs, tmp_path):
    to = tmp_path / "submissions"
    result = run("submit", runs / "hashing", "--to", to)
    assert result.exit_code == 0
    assert "hashing/1/winoground" in result.stdout
    found = run("verify", to, "--json")
    assert found.exit_code == 0
    data = json.loads(found.stdout)
    assert data["ok"] is True
    assert data["problems"] == []
    assert {s["badge"] for s in data["submissions"]} == {"partial"}


def test_verify_exits_with_1_and_names_the_path_and_check(tree, edit):
    edit(tree / "hashing/1/winoground", lambda raw: raw.update(score=0.99))
    result = run("verify", tree, "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem["path"] == "hashing/1/winoground/record.json"
    assert problem["check"] == "score"
    assert set(problem) == {"path", "check", "problem"}
    assert run("verify", tree).exit_code == 1


def test_markup_in_a_name_does_not_reach_the_terminal(tree):
    (tree / "[red]x").mkdir()
    result = run("verify", tree)
    assert result.exit_code == 1
    assert "[red]x" in result.stdout


def test_submit_writes_nothing_that_does_not_verify(runs, tmp_path, edit):
    copy = shutil.copytree(runs / "hashing", tmp_path / "run")
    edit(copy / "winoground", lambda raw: raw.update(score=0.99))
    assert run("submit", copy, "--to", tmp_path / "s").exit_code == 1
    assert not (tmp_path / "s").exists()


def test_compare(runs, pristine):
    result = run("compare", runs / "hashing", pristine / "denoising/2", "--json")
    data = json.loads(result.stdout)
    (comparison,) = data["comparisons"]
    assert (comparison["first"], comparison["second"]) == ("hashing@1", "denoising@2")
    assert data["ranking"]["tasks"] == ["winoground"]
    text = run("compare", runs / "hashing", pristine / "denoising/2", "--metrics")
    assert "winoground/group" in text.stdout
    same = run("compare", runs / "hashing", pristine / "hashing/1", "--json")
    first = json.loads(same.stdout)["comparisons"][0]["first"]
    assert first == f"hashing@1 ({runs / 'hashing'})"
    with pytest.raises(InputError, match="given twice"):
        run("compare", runs / "hashing", runs / "hashing")
    with pytest.raises(InputError, match="two folders"):
        run("compare", runs / "hashing")


def test_score(runs):
    result = run("score", runs / "hashing", "--ties", "lenient", "--json")
    records = {r["task"]["name"]: r for r in json.loads(result.stdout)}
    for metric in records["winoground"]["metrics"]:
        assert metric["value"] == metric["lenient"]
    assert "denoising@2" in run("score", runs / "denoising", "--no-normalise").stdout
    with pytest.raises(InputError, match="--ties"):
        run("score", runs / "hashing", "--ties", "kind")
    refused = run("score", runs / "hashing", "--norm", "l3")
    assert refused.exit_code == 2
    assert "--norm" in refused.stderr


def test_what_is_named_has_to_be_there(tree):
    for flag in ("--against", "--manifests", "--log", "--root"):
        with pytest.raises(InputError, match=f"{flag} nosuch: no such folder"):
            run("verify", tree, flag, "nosuch")
    with pytest.raises(InputError, match="--manifests nosuch"):
        run("submit", tree, "--manifests", "nosuch")
    with pytest.raises(InputError, match="--rescore"):
        run("verify", tree, "--rescore", "200%")


def test_a_run_has_no_audit_log(runs):
    with pytest.raises(InputError, match="is a run"):
        run("audit", runs / "hashing", "--record")


def test_all_controls_in_one_command(tmp_path):
    """The controls of a control: two baselines, and one of them without either side."""
    result = run(
        "controls", "-m", "random", "--tasks", "winoground", "--suite", "mini", "--limit", "20",
        "--out", tmp_path, "--json",
    )  # fmt: skip
    records = {r["model"]["name"]: r for r in json.loads(result.stdout)}
    assert set(records) == {"constant", "random", "text-only-random", "image-only-random"}
    for record in records.values():
        assert record["model"]["family"] == "control"
    by_name = {n: {m["name"]: m["value"] for m in r["metrics"]} for n, r in records.items()}
    assert by_name["constant"]["group"] == pytest.approx(1 / 6)
    # Without pictures every picture prefers the same caption: never both right.
    assert by_name["text-only-random"]["text"] == 0
    assert by_name["text-only-random"]["image"] == pytest.approx(1 / 4)
    assert by_name["image-only-random"]["image"] == 0
    (folder,) = tmp_path.glob("image-only-random@*-mini")
    assert (folder / "winoground/record.json").is_file()
