"""A tiny random Stable Diffusion, and settings of a run of seconds."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState, GradientState

from gdbench.finetune.run import Sources, hardneg

_TINY = Path(__file__).parents[1] / "models" / "diffusion_itm" / "tiny.py"


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("tiny_sd_maker", _TINY)
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.make_tiny_sd(
        tmp_path_factory.mktemp("base") / "tiny", first_block="CrossAttnDownBlock2D"
    )


@pytest.fixture
def train(tiny_sd):
    """Run `hardneg` on the tiny model with the mini scenes."""

    def run(out, *, sources=None, **settings):
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        quick = {"steps": 4, "batch_size": 2, "checkpoint_every": 2, "validate_every": 0}
        return hardneg(
            sources or Sources(str(tiny_sd), "mini", scenes=64), out, cpu=True, **quick | settings
        )

    yield run
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
