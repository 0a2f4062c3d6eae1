"""What is written to disk and crosses trust boundaries: strict pydantic models, no NaN.

Every model forbids unknown fields and non-finite numbers. `SCHEMA_VERSION` grows by one with each
incompatible change, and `gdbench.submissions.migrate` learns to read the version before.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gdbench.protocol import Family, ModelCard

SCHEMA_VERSION = 1
SHA256 = r"^[0-9a-f]{64}$"
Compat = Literal["diffusion-itm-2023"]
Norm = Literal["l2", "mse"]
Noise = Literal["antithetic", "independent"]
DEFAULT_NOISE: Noise = "antithetic"


class Strict(BaseModel):
    """Base of all records."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LoRAInfo(Strict):
    """A LoRA that was loaded into the model."""

    sha256: str = Field(pattern=SHA256)
    scale: float
    n_tensors: int


class ModelSettings(Strict):
    """Everything that can change a score. Batch size, shards and engine are not in it: they can't.

    The fields from `samples` on apply to models that average over noise samples.
    """

    dtype: str = "float32"
    seed: int = 0
    compat: Compat | None = None
    resolution: int | None = None
    samples: int | None = None
    """Budget: the number of timesteps asked for."""
    timesteps: tuple[int, ...] | None = None
    """The timesteps in the order in which they were evaluated (and logged)."""
    schedule: str | None = None
    """How the timesteps were chosen: `grid` (2023) or `nested`."""
    norm: Norm | None = None
    normalise: bool | None = None
    """Whether the unconditional error is subtracted (where images are compared)."""
    weighting: str | None = None
    noise: str | None = None
    """Where the noise of a timestep comes from, e.g. `independent`, `antithetic`, `bank-2023`."""
    noise_sha256: str | None = None
    latent_shape: tuple[int, ...] | None = None
    prediction: Literal["epsilon", "v_prediction", "flow"] | None = None
    stop: Literal["none", "sequential"] | None = None
    delta: float | None = None
    lora: LoRAInfo | None = None
    extra: dict[str, str] = {}
    """Settings of a user's own model that have no field here."""


class TaskInfo(Strict):
    """Which questions were asked."""

    name: str
    version: str
    suite: str
    manifest_sha256: str = Field(pattern=SHA256)
    """Hash over the ids, labels, texts and image hashes of the items that were scored."""
    n_items: int
    n_expected: int
    limit: int | None = None
    """At most so many items of each sub-task, chosen by a seeded hash of the item's id."""
    compat: Compat | None = None


class MetricValue(Strict):
    """One number with everything needed to judge it. Fractions are in 0..1."""

    name: str
    value: float
    low: float | None = None
    """95 % interval over items (clustered), where it can be computed."""
    high: float | None = None
    n: int
    """Number of items behind the number."""
    n_clusters: int | None = None
    chance: float | None = None
    ties: int = 0
    """Items in which the right answer's score equals another's."""
    strict: float | None = None
    """Value with every tie counted as wrong."""
    lenient: float | None = None
    """Value with every tie counted as right."""
    noise_se: float | None = None
    """Standard error from the choice of timesteps and noise (Monte Carlo), items held fixed."""
    samples_to_halve_noise: int | None = None
    p_value: float | None = None
    """Permutation p-value of an effect size against zero."""
    details: dict[str, float] = {}
    """Further numbers of this metric, e.g. the contribution of each word to an effect size."""


class Cost(Strict):
    """What the result took."""

    unet_evaluations: int | None = None
    """Network sample-evaluations that the logged errors rest on (None: not a diffusion model)."""
    wall_seconds: float
    device_seconds: float | None = None
    """Seconds of these in which the model's networks ran on the device (None: not measured)."""
    peak_memory_bytes: int
    device: str
    """As torch names it, e.g. `cuda:0`."""
    device_name: str = ""
    """As it names itself, e.g. the name of the GPU or processor."""


class Environment(Strict):
    """Where it ran."""

    gdbench: str
    python: str
    platform: str
    packages: dict[str, str]
    git_commit: str | None = None
    git_dirty: bool | None = None


class ResultRecord(Strict):
    """The result of one model on one task: `RUN/<task>/record.json`."""

    schema_version: int = SCHEMA_VERSION
    task: TaskInfo
    model: ModelCard
    settings: ModelSettings
    metrics: tuple[MetricValue, ...]
    score: float | None
    """Mean of the task's primary metrics; None for bias, which is reported beside the score."""
    score_low: float | None = None
    """95 % interval of the score, from the joint sample of the primary metrics."""
    score_high: float | None = None
    truncated_texts: int = 0
    cost: Cost
    environment: Environment
    signature: str
    scores_sha256: str = Field(pattern=SHA256)
    """Hash over the rows of `scores.parquet` (see `gdbench.store.hash_scores`)."""
    log_sha256: str | None = Field(default=None, pattern=SHA256)
    """Submissions without per-timestep errors: the hash of the whole score log of the run."""
    created: str
    """UTC, ISO 8601."""

    @property
    def partial(self) -> bool:
        """Whether items of the task are missing."""
        return self.task.n_items < self.task.n_expected

    def metric(self, name: str) -> MetricValue:
        """The metric of that name. Raises KeyError."""
        for m in self.metrics:
            if m.name == name:
                return m
        raise KeyError(name)


class RunInfo(Strict):
    """`RUN/run.json`: written before the first score; a run directory never mixes two of them."""

    schema_version: int = SCHEMA_VERSION
    model: ModelCard
    settings: ModelSettings
    suite: str
    limit: int | None
    compat: Compat | None
    created: str


__all__ = [
    "SCHEMA_VERSION",
    "Compat",
    "Cost",
    "Environment",
    "Family",
    "LoRAInfo",
    "MetricValue",
    "ModelSettings",
    "ResultRecord",
    "RunInfo",
    "Strict",
    "TaskInfo",
]
