"""Everything that determines a fine-tuning run; written to its folder and checked on resume."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from gdbench.finetune.examples import Negatives
from gdbench.finetune.loss import Clip
from gdbench.records import Strict

Schedule = Literal["constant", "linear", "cosine"]
Precision = Literal["no", "fp16", "bf16"]


KROJER_2023: dict[str, Any] = {
    "clip": "batch",
    "attention": "all",
    "learning_rate": 1e-4,
    "schedule": "constant",
    "weight_decay": 1e-2,
    "max_grad_norm": 1.0,
}
"""Settings of the paper's runs (Krojer et al. 2023 and its released script)."""
KROJER_2023_STEP, KROJER_2023_EPOCHS = 112, 8
"""Examples of an optimiser step (7 GPUs x 4 x 4), and times through the data."""


class HardNegSettings(Strict):
    """Settings of a run. The defaults are those of the 2023 release where it has one."""

    base: str
    """Name of the base model."""
    base_sha256: str
    """Hash of its weights."""
    data: str
    data_sha256: str
    """Fingerprint of the training data."""
    negatives: Negatives = "mixed"
    bound: float = Field(default=1.0, ge=0)
    """lambda of the loss."""
    clip: Clip = "example"
    rank: int = Field(default=4, ge=1, le=4096)
    alpha: float | None = Field(default=None, gt=0)
    """None: equal to the rank, as in the release."""
    attention: Literal["all", "cross"] = "all"
    """LoRA on self- and cross-attention, as in the release, or on cross-attention only."""
    steps: int = Field(default=1000, ge=1)
    """Optimiser steps."""
    batch_size: int = Field(default=4, ge=1)
    """Examples of a micro-batch, on each process."""
    accumulation: int = Field(default=1, ge=1)
    """Micro-batches of each process to an optimiser step."""
    processes: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, le=1e30)
    schedule: Schedule = "constant"
    warmup: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=1e-2, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    precision: Precision = "no"
    gradient_checkpointing: bool = False
    seed: int = Field(default=0, ge=0)
    checkpoint_every: int = Field(default=100, ge=1)
    validate_every: int = Field(default=0, ge=0)
    """0: no validation; the last weights are the result."""
    validation_items: int = Field(default=64, ge=1)
    """Items of each kind."""
    validation_samples: int = Field(default=10, ge=1)

    @property
    def step_size(self) -> int:
        """Examples to an optimiser step, over all processes."""
        return self.batch_size * self.accumulation * self.processes

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step `step`, counted from 0: warm-up, then the schedule."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        factor = {
            "constant": 1.0,
            "linear": 1.0 - share,
            "cosine": 0.5 * (1.0 + math.cos(math.pi * share)),
        }[self.schedule]
        return self.learning_rate * factor
