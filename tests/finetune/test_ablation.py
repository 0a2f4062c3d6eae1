"""The ablation from end to end on a tiny model: chosen, trained, evaluated, and gone on with."""

import json

import pytest
import typer
from accelerate.state import AcceleratorState, GradientState
from typer.testing import CliRunner

from gdbench.errors import InputError
from gdbench.finetune import ablation
from gdbench.finetune.run import Sources
from gdbench.finetune.search import choose

APP = typer.Typer()
APP.command()(ablation.ablation)


@pytest.fixture(autouse=True)
def _fresh():
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def settings(path):
    return json.loads((path / "settings.json").read_text())


def test_rate_and_bound_are_the_best_on_validation_scenes(tiny_sd, tmp_path):
    sources = Sources(str(tiny_sd), "mini2", scenes=16, cache_dir=tmp_path / "cache")
    asked = {"rates": (1e-3, 1.0), "bounds": (1.0, 2.0), "steps": 1, "items": 6, "samples": 1}
    found = choose(sources, tmp_path / "search", batch_size=2, **asked)
    assert {(one.learning_rate, one.bound) for one in found.tried} == {
        (1e-3, 1.0), (1e-3, 2.0), (1.0, 1.0), (1.0, 2.0),
    }  # fmt: skip
    assert found.best.score == max(one.score for one in found.tried)
    for one in found.tried:
        run = tmp_path / "search" / f"rate-{one.learning_rate:g}-bound-{one.bound:g}"
        assert (settings(run)["learning_rate"], settings(run)["bound"]) == (
            one.learning_rate, one.bound,
        )  # fmt: skip
        record = json.loads((run / "evaluation" / "held_out" / "record.json").read_text())
        assert one.score == pytest.approx(sum(m["value"] for m in record["metrics"]) / 2)
    assert choose(sources, tmp_path / "search", batch_size=2, **asked) == found


def test_all_of_it_and_again(tiny_sd, tmp_path):
    out = tmp_path / "ablation"
    asked = [
        "--base", str(tiny_sd), "--out", str(out), "--kinds", "none,mixed", "--seeds", "0,1",
        "--learning-rates", "1e-3", "--bounds", "1", "--steps", "1", "--batch-size", "2",
        "--scenes", "16", "--samples", "1", "--limit", "aro=2,clevr=3,flickr30k=2",
        "--denoising-steps", "0",
    ]  # fmt: skip
    runner = CliRunner()
    result = runner.invoke(APP, asked, catch_exceptions=False)
    assert result.exit_code == 0
    made = json.loads((out / "table.json").read_text())
    assert {kind: len(row) for kind, row in made["effects"].items()} == {"none": 6, "mixed": 6}
    assert {one["ability"]: one["n"] for one in made["effects"]["none"]} == {
        "recognition": 6, "binding": 14, "relation": 5, "order": 4, "retrieval": 4, "all": 33,
    }  # fmt: skip
    assert all(len(one["by_seed"]) == 2 for one in made["effects"]["mixed"])
    text = (out / "table.md").read_text()
    assert "seeds 0,1, suite mini2" in text
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert runner.invoke(APP, asked, catch_exceptions=False).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before
    assert (out / "table.md").read_text() == text


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--kinds", "soft"), ("--seeds", "a"), ("--limit", "pets=3"), ("--limit", "aro=none"),
        ("--learning-rates", "fast"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(tiny_sd, tmp_path, option, given):
    asked = ["--base", str(tiny_sd), "--out", str(tmp_path), option, given]
    with pytest.raises(InputError, match=option):
        CliRunner().invoke(APP, asked, catch_exceptions=False)
