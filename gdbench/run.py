"""What is run: which model, under which settings and conditions, and where.

`RunSpec` is all that can change a number; it is validated where it is made, written to
`RUN/run.json`, and enough to build the same model again (a worker, a later re-run). `Where` is the
rest: device, batch size and the like, which change no score and are in no identity.
"""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import Field, ValidationError

from gdbench.errors import InputError
from gdbench.protocol import ModelCard
from gdbench.records import (
    SCHEMA_VERSION,
    Compat,
    Content,
    ModelSettings,
    Strict,
    canonical,
)

StrictT = TypeVar("StrictT", bound=Strict)
_FLAGS = {
    "normalise": "--no-normalise",
    "t5": "--no-t5",
    "cache_dir": "--cache",
    "arguments": "--model-args",
}
_FULL = "full"


def flag_of(name: str, value: object = None) -> str:
    """The command line's name of a field, or of what gives it this value."""
    words = name.replace("_", "-")
    return _FLAGS.get(name, f"--no-{words}" if value is False else f"--{words}")


def validated(kind: type[StrictT], values: Mapping[str, Any]) -> StrictT:
    """An object of validated values. Raises InputError that names the first wrong one."""
    for name, value in values.items():
        field = kind.model_fields.get(name)
        # pydantic reads yes as 1
        if isinstance(value, bool) and field is not None and not _takes_bool(field.annotation):
            raise InputError(f"{flag_of(name)}: expected a number or a text, it is {value}")
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else kind.__name__
        given = "" if first["type"] == "missing" else f" {shortened(first['input'])}"
        if "error" in first.get("ctx", {}):
            # a validator of ours, whose words are a sentence
            raise InputError(f"{flag_of(name)}{given}: {first['ctx']['error']}") from None
        expected = first["msg"].removeprefix("Input should be ")
        raise InputError(f"{flag_of(name)}{given}: expected {expected}") from None


def _takes_bool(annotation: Any) -> bool:
    return annotation is Any or bool in (annotation, *get_args(annotation))


def shortened(value: object) -> str:
    """A value for a message: its first 80 characters, however much it holds."""
    # the whole text of aliases within aliases fits no memory
    text = value if isinstance(value, str) else reprlib.repr(value)
    return text[:80]


class Where(Strict):
    """Where and how fast a model runs; changes no score."""

    device: str | None = Field(
        default=None, description="cpu, cuda, cuda:1, mps; default: the best there is."
    )
    batch_size: int | None = Field(
        default=None, ge=1, description="Network batch size; default: from free memory."
    )
    compile: bool | None = Field(
        default=None,
        description="Use torch.compile; default: on CUDA, for tasks long enough to pay.",
    )
    offload: bool = Field(
        default=False,
        description="Keep text encoders off the device while the network runs.",
    )
    cache_dir: Path | None = Field(
        default=None, description="Folder for latents and errors that outlives the run."
    )
    item_timeout: float | None = Field(
        default=None,
        ge=0.01,
        description="Seconds without an answer after which the run ends; default: any time.",
    )


class Spread(Strict):
    """Over how many processes a run is spread; changes no score."""

    engine: str | None = Field(
        default=None,
        description="local (default): this process; ray: workers on this machine or a cluster.",
        json_schema_extra={"choices": ["local", "ray"]},
    )
    address: str | None = Field(
        default=None, description="Of a Ray cluster, or auto; default: workers on this machine."
    )
    devices: str | None = Field(
        default=None,
        description="all, or names such as cuda:0,cuda:1: a process for each on this machine.",
    )
    workers: int | None = Field(
        default=None, ge=1, description="Ray workers; default: one for each GPU, else each core."
    )
    shard: str | None = Field(
        default=None, description="i/n: score only this share; gdbench merge joins all n."
    )


class ModelRequest(Strict):
    """A model as it was asked for."""

    model: str = Field(
        description="Registered name, folder, file.py:Class, package.module:Class, "
        "clip:ARCH/TAG, hf:OWNER/NAME, hf-hub:OWNER/NAME, diffusion:OWNER/NAME, or "
        "control:KIND:MODEL."
    )
    arguments: dict[str, str] = Field(
        default={}, description="Arguments of a model of your own: key=value,key=value."
    )
    lora: str | None = Field(default=None, description="LoRA file or folder, or release:NAME.")
    settings: ModelSettings = ModelSettings()


def asked(
    model: str,
    *,
    lora: str | Path | None = None,
    arguments: Mapping[str, str] | None = None,
    compat: Compat | None = None,
    **options: Any,
) -> tuple[ModelRequest, Where]:
    """Sort options by name into what changes a score and what does not, all of them validated.

    Args:
        model: see `ModelRequest.model`.
        lora: LoRA file or folder, or `release:NAME`.
        arguments: of a user's own model.
        compat: "diffusion-itm-2023" stands for the release's timesteps and noise.
        **options: fields of `ModelSettings` that a user may choose, and of `Where`.

    Raises:
        InputError: an option is unknown, or its value is not allowed.
    """
    if compat not in (None, *get_args(Compat)):
        raise InputError(f"--compat {compat}: expected {', '.join(get_args(Compat))}")
    names = ModelSettings.asked_names()
    unknown = sorted(options.keys() - set(names) - Where.model_fields.keys())
    if unknown:
        raise InputError(
            f"unknown option {unknown[0]!r}; there are: {', '.join((*names, *Where.model_fields))}"
        )
    chosen = {n: v for n, v in options.items() if n in names and v is not None}
    places = {n: v for n, v in options.items() if n in Where.model_fields and v is not None}
    settings = validated(ModelSettings, chosen)
    if compat is not None:
        settings = released(settings, compat)
    request = validated(
        ModelRequest,
        {
            "model": model,
            "lora": None if lora is None else str(lora),
            "arguments": arguments or {},
            "settings": settings,
        },
    )
    return request, validated(Where, places)


def released(settings: ModelSettings, compat: Compat) -> ModelSettings:
    """Settings with the timesteps and the noise of the 2023 release.

    Raises InputError where other ones were chosen.
    """
    release = {"schedule": "grid", "noise": "bank-2023"}
    for name, value in release.items():
        other = getattr(settings, name)
        if other not in (None, value):
            raise InputError(
                f"{flag_of(name)} {other}: --compat {compat} has its own ({value}); "
                "leave one of the two out"
            )
    return settings.model_copy(update=release)


class Conditions(Strict):
    """Which questions are asked, and how ties count; owned by the run, unknown to the model."""

    suite: str = Field(default=_FULL, description="full, mini, or a task's variant.")
    limit: int | None = Field(
        default=None, ge=1, description="At most so many items of each sub-task."
    )
    item_seed: int = Field(default=0, ge=0, description="Seed that chooses the items of --limit.")
    compat: Compat | None = Field(
        default=None,
        description="diffusion-itm-2023: items, timesteps, noise, ties and denominators of the "
        "release.",
    )


class RunSpec(Strict):
    """What a run directory is about."""

    request: ModelRequest | None
    """None for a model that was handed over as an object."""
    settings: ModelSettings
    """Those of the loaded model."""
    conditions: Conditions

    def identity(self, content: Content, manifests: Mapping[str, str]) -> str:
        """sha256 over everything that can change a number.

        Args:
            content: of the loaded model.
            manifests: `name@version` of each task -> hash of its items.
        """
        parts = {
            "content": content.sha256,
            "settings": self.settings.model_dump(mode="json", exclude_none=True),
            "conditions": self.conditions.model_dump(mode="json"),
            "tasks": dict(manifests),
        }
        return hashlib.sha256(canonical(parts)).hexdigest()


class RunInfo(Strict):
    """`RUN/run.json`: written before the first score; a run directory never mixes two of them."""

    schema_version: int = SCHEMA_VERSION
    spec: RunSpec
    model: ModelCard
    content: Content
    shard: str | None = None
    """`i/n`: only this share of the items is scored here; `gdbench merge` joins all n."""
    created: str


def as_path(value: object, name: str) -> Path:
    """A path from a text or a path. Raises InputError that names the argument."""
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        return Path(value).expanduser()
    raise InputError(f"{name}: expected a path, it is {str(value)[:40]!r} ({type(value).__name__})")
