"""An option that a model does not use is refused, and every bundled model keeps the protocol."""

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.models import load_model
from gdbench.models.baselines import Random
from gdbench.models.conformance import check
from gdbench.tasks import TASKS
from gdbench.tasks.base import limited

MINI = ("--suite", "mini", "--tasks", "winoground", "--limit", 1)


@pytest.mark.parametrize(
    ("model", "options", "flags"),
    [
        ("mini-clip", ("--lora", "/nonexistent", "--norm", "mse"), "--norm, --lora: mini-clip"),
        ("mini-clip", ("--stop", "sequential"), "--stop: mini-clip"),
        ("constant", ("--samples", "10"), "--samples: constant"),
        ("mini-clip", ("--no-compile",), "--no-compile: mini-clip does not use it"),
        ("mini-sd", ("--lora-scale", "0.5"), "--lora-scale: there is no LoRA"),
        ("mini-sd", ("--model-args", "a=1"), "--model-args: mini-sd does not use it"),
        ("mini-sd", ("--compat", "diffusion-itm-2023", "--noise", "independent"), "--noise"),
    ],
)
def test_what_a_model_does_not_use_is_refused(gdbench, model, options, flags):
    refused = gdbench("evaluate", "-m", model, *MINI, *options)
    assert refused.code == 2
    assert flags in refused.err


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--stop", "Invalid value for '--stop': 'x' is not one of 'none', "),
        ("--dtype", "Invalid value for '--dtype': 'x' is not one of 'float32', "),
        ("--limit", "Invalid value for '--limit': "),
    ],
)
def test_a_wrong_choice_is_told_in_plain_words(gdbench, flag, problem):
    refused = gdbench("evaluate", "-m", "mini-sd", *MINI, flag, "x")
    assert refused.code == 2
    assert problem in refused.err
    assert "Value error" not in refused.err


def test_a_device_that_is_none_is_one_line(gdbench):
    refused = gdbench("evaluate", "-m", "mini-clip", *MINI, "--device", "meta")
    assert refused.code == 2
    assert refused.err.splitlines() == [
        "gdbench: --device meta: not available here; try --device cpu"
    ]


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(InputError, match="--dtype fp16"):
        load_model("mini-clip", dtype="fp16")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_open_clip_runs_in_half_precision_on_the_cpu(dtype):
    half, whole = load_model("mini-clip", dtype=dtype), load_model("mini-clip")
    assert half.content == whole.content
    assert half.settings.dtype == dtype
    items = list(limited(TASKS.get("clevr").items("mini"), 2))
    for ours, theirs in zip(half.score_items(items), whole.score_items(items), strict=True):
        np.testing.assert_allclose(ours.matrix, theirs.matrix, atol=0.02)


@pytest.mark.parametrize(
    "model", ["mini-sd-early", "mini-clip", "constant", "control:text-only:random"]
)
def test_bundled_models_pass_their_own_check(gdbench, model):
    result = gdbench("check-model", model)
    assert result.code == 0, result.out + result.err


def test_the_check_sees_a_transposed_model():
    class Transposed(Random):
        def score(self, images, texts):
            return super().score(images, texts).T

    assert [c.name for c in check(Transposed()) if not c.passed] == ["shape of the scores"]


def test_the_seed_moves_neither_items_nor_intervals(gdbench):
    import json

    runs = [
        json.loads(
            gdbench("evaluate", "-m", model, "--suite", "mini", "--tasks", "clevr", "--limit", 3,
                    "--json", "--out", f"{model}{seed}{items}", "--seed", seed,
                    "--item-seed", items).out
        )[0]
        for model, seed, items in (("random", 0, 0), ("random", 3, 0), ("constant", 3, 0),
                                   ("random", 0, 1))
    ]  # fmt: skip
    manifests = [run["task"]["manifest_sha256"] for run in runs]
    assert manifests[0] == manifests[1] == manifests[2] != manifests[3]
    assert [run["settings"]["seed"] for run in runs] == [0, 3, 3, 0]
    assert runs[0]["scores_sha256"] != runs[1]["scores_sha256"]
    assert "|seed:3|" in runs[1]["signature"]
