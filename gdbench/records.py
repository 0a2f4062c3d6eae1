"""What is written to disk and crosses trust boundaries: strict pydantic models, no NaN.

Every model forbids unknown fields and non-finite numbers. `SCHEMA_VERSION` grows by one with each
incompatible change, and `gdbench.submissions.migrate` learns to read the version before.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gdbench.numbers import Unit
from gdbench.protocol import ModelCard

SCHEMA_VERSION = 2
SHA256 = r"^[0-9a-f]{64}$"
Compat = Literal["diffusion-itm-2023"]
Norm = Literal["l2", "mse"]
Noise = Literal["antithetic", "independent"]
Schedule = Literal["nested", "grid", "uniform"]
Stop = Literal["none", "sequential", "predictive"]
NullPrompt = Literal["empty", "zeros"]
Scorer = Literal["vqa", "likelihood"]
OF_TRANSFORMERS = frozenset({"scorer", "question", "answers", "prior", "trust_remote_code"})
"""Settings of models of transformers alone."""


class Strict(BaseModel):
    """Base of all records."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Content(Strict):
    """What a model is made of: everything that was loaded and can change a score, as hashes.

    `parts` maps the name of a part (`unet`, `scheduler`, `source`, …) to a sha256 over its tensors,
    configuration or source text. Two spellings of the same content (one weight file or shards,
    other file names, unused files beside them) have the same hashes.
    """

    parts: dict[str, str]

    @property
    def sha256(self) -> str:
        """One hash over all parts."""
        return self.of(*self.parts)

    def of(self, *names: str) -> str:
        """One hash over some parts, for caches that depend on no other. Raises KeyError."""
        chosen = {name: self.parts[name] for name in sorted(names)}
        return hashlib.sha256(canonical(chosen)).hexdigest()

    def differences(self, other: Content) -> list[str]:
        """Names of the parts that differ or that only one of the two has, sorted."""
        names = self.parts.keys() | other.parts.keys()
        return sorted(n for n in names if self.parts.get(n) != other.parts.get(n))


def canonical(value: Any) -> bytes:
    """JSON of a value with sorted keys and no spaces: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class LoRAInfo(Strict):
    """A LoRA that was loaded into the model."""

    sha256: str = Field(pattern=SHA256)
    """Over module names, matrices and alphas, whatever the file's format or order."""
    scale: float
    n_tensors: int


def _asked(description: str, choices: tuple[str, ...] = (), **constraints: Any) -> Any:
    """A setting that a user may choose; None: not chosen, the kind of model has its own default."""
    return Field(
        default=None,
        description=description,
        json_schema_extra={"asked": True, "choices": list(choices)},
        **constraints,
    )


class ModelSettings(Strict):
    """Everything that can change a score and is no part of the model's content.

    The one object from the command line to the record and back: what a user chooses (marked
    `asked` in the schema, None where it was not chosen), and what the model adds when it is loaded
    (its defaults, and what follows, such as the timesteps). Batch size, device, shards and engine
    are not in it (see `gdbench.run.Where`): they cannot change a score.
    """

    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Seed of the noise, or of a model's own chance.",
        json_schema_extra={"asked": True},
    )
    dtype: str | None = _asked(
        "Precision of the network; default: chosen for the device.",
        choices=("float32", "float16", "bfloat16"),
        pattern=r"^[A-Za-z0-9_.-]{1,32}$",
    )
    resolution: int | None = _asked(
        "Side of the model's input in pixels (default: the model's own).", ge=8, le=8192
    )
    samples: int | None = _asked("Timesteps per image-text pair (default 50).", ge=1, le=1000)
    schedule: Schedule | None = _asked(
        "Timesteps: nested (default), any first ones are an even sample of 10 to 989; uniform, "
        "drawn by --seed from 0 to 999; or the grid of 2023."
    )
    noise: str | None = _asked(
        "antithetic (default): opposite at timesteps 128 apart; or independent.",
        choices=("antithetic", "independent"),
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
    )
    norm: Norm | None = _asked("l2 (default, as in the paper's code) or mse.")
    normalise: bool | None = _asked("Do not subtract the unconditional error.")
    stop: Stop | None = _asked(
        "Stop an item once its decision is certain (sequential), or as good as certain on average "
        "over items (predictive)."
    )
    delta: float | None = _asked(
        "Chance that a stopped item's decision is not the full budget's (default 0.05; predictive: "
        "0.2, of which an item may use the share of the budget that it has used).",
        gt=0,
        lt=1,
    )
    stop_ranks: tuple[int, ...] | None = _asked(
        "Ranks that stopping must get right, such as 1 or 1,5; default: as the metrics need."
    )
    lora_scale: float | None = _asked("Scale of the LoRA (default 1).")
    guidance: float | None = _asked(
        "Guidance value that a guidance-distilled network is told; default: its pipeline's.",
        ge=0,
        le=100,
    )
    max_length: int | None = _asked(
        "Most tokens of a text that are read; default: the pipeline's.", ge=1, le=4096
    )
    prediction: Literal["epsilon", "v_prediction", "flow"] | None = _asked(
        "What a diffusion network predicts, where its files do not say so, or say it wrongly."
    )
    t5: bool | None = _asked("Leave out the T5 text encoder of Stable Diffusion 3.")
    null_prompt: NullPrompt | None = _asked(
        "What stands for no caption: the empty one or zeros; default: as the model was trained."
    )
    scorer: Scorer | None = _asked(
        "Of an image-text-to-text model: vqa (default), log P(answer | picture, question); or "
        "likelihood, log P(caption | picture)."
    )
    question: str | None = _asked(
        "What such a model is asked, with {text} where the caption stands; for likelihood the "
        "request before the caption.",
        min_length=1,
        max_length=2000,
    )
    answers: str | None = _asked(
        "Words that count as yes, separated by commas (default Yes).", min_length=1, max_length=200
    )
    prior: float | None = _asked(
        "Share of the prior log P without the picture that is subtracted (default 0).", ge=0, le=1
    )
    trust_remote_code: bool | None = _asked(
        "Run the Python code that lies in the model's repository (default: it is refused)."
    )
    weighting: str | None = None
    """How timesteps are weighed in a score, e.g. `uniform`."""
    timesteps: tuple[int, ...] | None = None
    """The timesteps in the order in which they were evaluated (and logged)."""
    noise_sha256: str | None = None
    """Hash of the noise of all timesteps in order."""
    latent_shape: tuple[int, ...] | None = None
    lora: LoRAInfo | None = None
    extra: dict[str, str] = {}
    """Settings that have no field here: of a user's own model, or a family's `instruction`.

    The instruction is what the family puts before every caption, by the start of its SHA-256.
    """

    @property
    def stops_early(self) -> bool:
        """Whether items may end before the full budget."""
        return self.stop not in (None, "none")

    @classmethod
    def asked_names(cls) -> tuple[str, ...]:
        """The names of the settings that a user may choose."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("asked")
        )

    def asked(self) -> Self:
        """Only what a user may choose: enough to load the model again."""
        return type(self)(**{name: getattr(self, name) for name in self.asked_names()})

    def with_defaults(self, **defaults: Any) -> Self:
        """With values for what was not chosen."""
        missing = {n: v for n, v in defaults.items() if getattr(self, n) is None}
        return self.model_copy(update=missing)


class TaskInfo(Strict):
    """Which questions were asked."""

    name: str
    version: str
    suite: str
    manifest_sha256: str = Field(pattern=SHA256)
    """Hash over the ids, labels, texts and image hashes of the items that were scored."""
    n_items: int
    n_expected: int
    limit: int | None = Field(default=None, ge=1, lt=2**63)
    """At most so many items of each sub-task, chosen by a seeded hash of the item's id."""
    item_seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of that hash."""
    compat: Compat | None = None
    """The items, ties and denominators of the 2023 release."""

    @property
    def share(self) -> float:
        """How much of the task was scored, in 0..1; 0 for a part of one whose size nobody knows."""
        if self.n_expected:
            return min(1.0, self.n_items / self.n_expected)
        return float(self.limit is None)


class MeasureInfo(Strict):
    """One measure of a task, enough to make it again where it is one of gdbench's own kinds."""

    name: str
    kind: str
    """`recall`, `matching` or `effect`; for any other measure the name of its class."""
    unit: Unit
    arguments: dict[str, bool | int | str | tuple[str, ...] | None] = {}


class TaskDefinition(Strict):
    """What a task says of itself, for whoever reads its results and does not have the task."""

    title: str
    description: str
    kind: Literal["bias", "extra"]
    primary: tuple[str, ...]
    measures: tuple[MeasureInfo, ...]
    license: str = ""
    citation: str = ""
    url: str = ""
    notes: tuple[str, ...] = ()


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


class Prices(Strict):
    """Floating-point operations of a model's networks for one picture, one text and one pass.

    Those of matrix products, convolutions and attention; a multiply-add counts as two.
    """

    picture: int = Field(default=0, ge=0)
    """Encoding of a picture."""
    text: int = Field(default=0, ge=0)
    """Encoding of a text."""
    network: int = Field(default=0, ge=0)
    """A pass of the network that sees picture and text together; 0: there is none."""
    unseen: Literal["", "pictures", "texts"] = ""
    """Of controls: what is replaced by one picture, or one text, for all."""
    unknown: str = Field(default="", max_length=200)
    """Why the operations cannot be counted; empty where they can."""


class Operations(Strict):
    """What the questions of a task take, whatever batches, workers and caches they ran with.

    Each different picture and text is encoded once, each different pair of an item passes once at
    each timestep, and each picture without a caption once where that is needed. Padding, work that
    was done twice, and what a batch shares are no part of it.
    """

    pictures: int = Field(ge=0, le=10**12)
    texts: int = Field(ge=0, le=10**12)
    passes: int = Field(ge=0, le=10**15)
    picture_flops: int = Field(ge=0, le=10**18)
    """Operations for one of them (see `Prices`)."""
    text_flops: int = Field(ge=0, le=10**18)
    pass_flops: int = Field(ge=0, le=10**18)
    varying_flops: int = Field(default=0, ge=0, le=10**30)
    """Those of all texts and passes together, where each depends on the length of its text."""

    @property
    def flops(self) -> int:
        """Floating-point operations of all."""
        return (
            self.pictures * self.picture_flops
            + self.texts * self.text_flops
            + self.passes * self.pass_flops
            + self.varying_flops
        )


class Cost(Strict):
    """What the result took."""

    unet_evaluations: int | None = None
    """Samples that went through the network, without padding (None: not a diffusion model)."""
    operations: Operations | Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Or why they could not be counted; None in records made before they were."""
    wall_seconds: float | None
    """None: of results that `gdbench score` made under other options, which no run took."""
    device_seconds: float | None = None
    """Seconds of these in which the model's networks ran on the device (None: not measured)."""
    peak_memory_bytes: int | None
    """Resident memory of the process that needed most while it scored this task (None: unknown)."""
    peak_device_memory_bytes: int | None = Field(default=None, exclude_if=lambda peak: peak is None)
    """Of the device's own memory, what torch had given out at most in the process that needed most
    (None: unknown, as where the device is the host)."""
    device: str
    """As torch names it, e.g. `cuda:0`."""
    device_name: str = ""
    """As it names itself, e.g. the name of the GPU or processor."""
    devices: tuple[str, ...] = ()
    """Those of all workers, one for each, where there were several; times are sums over them."""

    @property
    def flops(self) -> int | None:
        """Floating-point operations; None where they are not known."""
        return self.operations.flops if isinstance(self.operations, Operations) else None


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
    definition: TaskDefinition | None = Field(default=None, exclude_if=lambda value: value is None)
    """Of tasks that do not come with gdbench: own data, files and plug-ins."""
    model: ModelCard
    content: Content | None = None
    """What the model was made of; None in records made before version 2."""
    settings: ModelSettings
    metrics: tuple[MetricValue, ...]
    score: float | None
    """Mean of the task's primary metrics; None for bias, which is reported beside the score."""
    score_low: float | None = None
    """95 % interval of the score, from the joint sample of the primary metrics."""
    score_high: float | None = None
    truncated_texts: int = 0
    resampling_seed: int = Field(default=0, ge=0, lt=2**63)
    """Of the intervals and p-values."""
    cost: Cost
    environment: Environment
    signature: str
    scores_sha256: str = Field(pattern=SHA256)
    """Hash over the rows of `scores.parquet` (see `gdbench.store.hash_scores`)."""
    log_sha256: str | None = Field(default=None, pattern=SHA256)
    """Submissions without per-timestep errors: the hash of the whole score log of the run."""
    items_root: str | None = Field(default=None, pattern=SHA256)
    """Submissions: Merkle root over the items (see `gdbench.submissions.merkle`), so that any of
    them can be shown and checked without the others; None in records made before there was one."""
    created: str
    """UTC, ISO 8601."""

    @field_validator("settings")
    @classmethod
    def _stops_by_a_rule(cls, settings: ModelSettings) -> ModelSettings:
        """Who asks may leave delta to the model; what was measured had one."""
        if settings.stops_early and settings.delta is None:
            raise ValueError(f"stop is {settings.stop}, which needs delta")
        return settings

    @property
    def partial(self) -> bool:
        """Whether items of the task are missing."""
        return self.task.share < 1

    def metric(self, name: str) -> MetricValue:
        """The metric of that name. Raises KeyError."""
        for m in self.metrics:
            if m.name == name:
                return m
        raise KeyError(name)
