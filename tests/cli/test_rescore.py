"""Running the model of a run again: every setting is taken over, and what is not here says so."""

from pathlib import Path

import pytest

import gdbench.mini

LORA = Path(gdbench.mini.__file__).parent / "weights" / "mini-sd-hardneg"
FEW = ("--suite", "mini", "--tasks", "winoground", "--limit", 2, "--samples", 3, "--out", "run")


@pytest.fixture
def with_lora(gdbench):
    made = gdbench(
        "evaluate", "-m", "mini-sd", "--lora", LORA, "--lora-scale", 0.5, "--seed", 3,
        "--norm", "mse", "--no-normalise", "--noise", "independent", *FEW,
    )  # fmt: skip
    assert made.code == 0
    return gdbench


def test_a_run_with_a_lora_is_run_again_with_it(with_lora):
    again = with_lora("verify", "run", "--rescore", "100%", "--lora", LORA)
    assert again.code == 0, again.err
    assert "agrees" in again.out


def test_without_the_lora_it_is_not_run_and_that_is_no_pass(with_lora):
    missing = with_lora("verify", "run", "--rescore", "100%")
    assert missing.code == 1
    assert "not audited: mini-sd was run with a LoRA; give --lora" in missing.err


def test_the_release_s_mode_is_run_again(gdbench):
    release = ("--compat", "diffusion-itm-2023", "--seed", 4)
    assert gdbench("evaluate", "-m", "mini-sd-early", *release, *FEW).code == 0
    assert gdbench("verify", "run", "--rescore", "100%").code == 0


@pytest.mark.parametrize("flag", [("--lora", "x"), ("--model", "y"), ("--device", "cpu")])
def test_what_is_said_of_running_again_needs_it(gdbench, flag):
    refused = gdbench("verify", ".", *flag)
    assert refused.code == 2
    assert f"{flag[0]} needs --rescore" in refused.err


def test_the_metrics_of_one_level(gdbench):
    run = ("evaluate", "-m", "random", "--suite", "mini2", "--tasks", "winoground", "--out", "run")
    assert gdbench(*run).code == 0
    assert gdbench("score", "run", "--level", 3).out.count("|level:3") == 1
    wrong = gdbench("score", "run", "--level", 4)
    assert wrong.code == 2
    assert "no item of level 4; it has levels 1, 2, 3" in wrong.err


def test_a_suite_without_levels_says_so(gdbench):
    few = ("--suite", "mini", "--tasks", "winoground", "--limit", 2, "--out", "run")
    assert gdbench("evaluate", "-m", "random", *few).code == 0
    assert "its items have no levels" in gdbench("score", "run", "--level", 1).err
