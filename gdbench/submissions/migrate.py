"""Old records become present ones: one function per version, each a step to the next.

Version 0 is the format before the first release: metrics were an object by name, the manifest's
hash was called `manifest`, and the seed stood beside the settings.
Version 1 had one seed for noise, items and resampling, the release's mode in the settings, no hash
of the model's content, and a shorter signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from gdbench.protocol import ModelCard
from gdbench.readable import shown
from gdbench.records import SCHEMA_VERSION, ModelSettings, ResultRecord, TaskInfo
from gdbench.signature import signature
from gdbench.submissions.problems import Rejected

Raw = dict[str, Any]


def _from_0(old: Raw) -> Raw:
    new = dict(old)
    task = dict(new["task"])
    task["manifest_sha256"] = task.pop("manifest")
    new["task"] = task
    new["settings"] = {"seed": new.pop("seed", 0), **new["settings"]}
    new["metrics"] = [{"name": name, **values} for name, values in new["metrics"].items()]
    new["signature"] = str(new["signature"]).removesuffix("|v0") + "|v1"
    new["schema_version"] = 1
    return new


def _from_1(old: Raw) -> Raw:
    new = dict(old)
    settings, task = dict(new["settings"]), dict(new["task"])
    seed, mode = settings.get("seed", 0), settings.pop("compat", None)
    if mode is not None and mode != task.get("compat"):
        raise ValueError("the model ran in compat mode, the task did not")
    settings["extra"] = dict(settings.get("extra") or {})
    ranks = settings["extra"].pop("stop_ranks", "metrics")
    if ranks != "metrics":
        settings["stop_ranks"] = [int(rank) for rank in ranks.split(",")]
    lora = settings.get("lora")
    if lora is not None:
        settings["lora_scale"] = lora["scale"]
    task["item_seed"] = seed
    new |= {"settings": settings, "task": task, "resampling_seed": seed, "schema_version": 2}
    if old["signature"] == _signature_1(old):
        # one that is not what its fields make stays as it is, and fails verification
        new["signature"] = signature(
            TaskInfo.model_validate(task),
            ModelCard.model_validate(new["model"]),
            ModelSettings.model_validate(settings),
        )
    return new


def _signature_1(record: Raw) -> str:
    """The signature that version 1 makes of a record's fields."""
    task, model, settings = record["task"], record["model"], record["settings"]
    dtype = settings.get("dtype", "float32")
    fields = {
        "task": task["name"],
        "suite": task["suite"],
        "n": task["n_items"],
        "model": f"{model['name']}@{model['revision']}",
    }
    if lora := settings.get("lora"):
        fields["lora"] = f"{lora['sha256'][:6]}*{lora['scale']:g}"
    if norm := settings.get("norm"):
        fields["score"] = norm
        fields["T"] = f"{settings.get('samples')} {settings.get('schedule')}"
        fields["norm"] = "uncond" if settings.get("normalise") else "none"
    if noise := settings.get("noise_sha256"):
        fields["noise"] = noise[:6]
    if settings.get("stop") not in (None, "none"):
        fields["stop"] = f"{settings['stop']} {settings['delta']:g}"
    fields["dtype"] = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}.get(dtype, dtype)
    fields["seed"] = settings.get("seed", 0)
    if compat := settings.get("compat") or task.get("compat"):
        fields["compat"] = compat
    return f"gdb|{'|'.join(f'{key}:{value}' for key, value in fields.items())}|v1"


STEPS: Mapping[int, Callable[[Raw], Raw]] = {0: _from_0, 1: _from_1}


def migrate(raw: Raw) -> Raw:
    """A record's JSON in the present version. Raises `Rejected` for future and unknown versions."""
    version = raw.get("schema_version", 0)
    if type(version) is not int or version < 0:
        raise Rejected("schema", f"schema_version is {shown(version)}, expected a number from 0")
    if version > SCHEMA_VERSION:
        raise Rejected(
            "schema",
            f"schema_version is {version}, this gdbench reads up to {SCHEMA_VERSION}: "
            "use a newer gdbench",
        )
    while version < SCHEMA_VERSION:
        try:
            raw = STEPS[version](raw)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Rejected("schema", f"is not a record of version {version}: {error!r}") from error
        version += 1
    return raw


def read_migrated(raw: Raw) -> ResultRecord:
    """The record of parsed JSON of any known version, every field strictly of its type.

    Raises `Rejected` with the first wrong field.
    """
    try:
        return ResultRecord.model_validate_json(json.dumps(migrate(raw)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:120]
        count = error.error_count()
        more = f" (and {count - 1} more)" if count > 1 else ""
        said = first["msg"].removeprefix("Value error, ")
        raise Rejected("schema", f"{where!a}: {said}{more}") from error
