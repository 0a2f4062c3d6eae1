"""One line that says how a number was made, printed with every number, and read back.

Example: gdb|task:winoground@1/text|suite:full|n:400|items:9f0c2a|model:sd2.1@5ede9e4a01b2|
content:5ede9e4a|score:l2|T:250 nested|norm:uncond|weight:uniform|noise:1f3a9c|pred:epsilon|
res:512|dtype:fp16|seed:0|v2

It changes with everything that can change the number: what has no field of its own is in the hash
`id`, over all settings.
"""

from __future__ import annotations

import hashlib

from gdbench.errors import InputError
from gdbench.protocol import ModelCard
from gdbench.records import SCHEMA_VERSION, Content, ModelSettings, TaskInfo, canonical

_DTYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
_HASH = 6  # hex digits of hashes that stand beside other fields
_CONTENT = 12


def signature(
    task: TaskInfo | None,
    model: ModelCard,
    settings: ModelSettings,
    content: Content | None = None,
    metric: str | None = None,
) -> str:
    """The signature of a result; without a task (scores of one's own pictures) it has no task."""
    fields: dict[str, str] = {}
    if task is not None:
        fields |= _of_task(task, metric)
    fields["model"] = f"{model.name}@{model.revision}"
    if content is not None:
        fields["content"] = content.sha256[:_CONTENT]
    fields |= _of_settings(settings)
    if task is not None and task.compat is not None:
        fields["compat"] = task.compat
    # what is not set is left out: a setting that is added later changes no older signature
    everything = canonical(settings.model_dump(mode="json", exclude_none=True))
    fields["id"] = hashlib.sha256(everything).hexdigest()[:_HASH]
    body = "|".join(f"{key}:{_plain(value)}" for key, value in fields.items() if value)
    return f"gdb|{body}|v{SCHEMA_VERSION}"


def _of_settings(settings: ModelSettings) -> dict[str, str]:
    fields: dict[str, str] = {}
    if settings.lora is not None:
        fields["lora"] = f"{settings.lora.sha256[:_HASH]}*{settings.lora.scale:g}"
    fields |= _of_score(settings)
    if settings.stops_early:
        fields["stop"] = f"{settings.stop} {settings.delta:g}"
    named: dict[str, object] = {
        "pred": settings.prediction,
        "res": settings.resolution,
        "guidance": settings.guidance,
        "len": settings.max_length,
        "null": settings.null_prompt,
        "dtype": None if settings.dtype is None else _DTYPES.get(settings.dtype, settings.dtype),
        "seed": settings.seed,
    }
    for name, value in named.items():
        if value is not None:
            fields[name] = f"{value:g}" if isinstance(value, float) else str(value)
    return fields


def _of_score(settings: ModelSettings) -> dict[str, str]:
    """How errors, or probabilities of words, become scores."""
    fields: dict[str, str] = {}
    if settings.scorer is not None:
        fields["score"] = settings.scorer
        fields["question"] = " ".join((settings.question or "").split())
        fields["answers"] = settings.answers or ""
        fields["prior"] = f"{settings.prior or 0:g}"
    if settings.norm is not None:
        fields["score"] = settings.norm
        fields["T"] = f"{settings.samples} {settings.schedule}"
        fields["norm"] = "uncond" if settings.normalise else "none"
        fields["weight"] = str(settings.weighting)
    if settings.noise_sha256 is not None:
        fields["noise"] = settings.noise_sha256[:_HASH]
    return fields


def _of_task(task: TaskInfo, metric: str | None) -> dict[str, str]:
    name = f"{task.name}@{task.version}"
    fields = {
        "task": f"{name}/{metric}" if metric else name,
        "suite": task.suite,
        "n": str(task.n_items),
        "items": task.manifest_sha256[:_HASH],
    }
    if task.limit is not None:
        fields["limit"] = f"{task.limit} seed {task.item_seed}"
    return fields


def _plain(value: str) -> str:
    """A value without the sign that ends a field."""
    return value.replace("|", "/")


def with_ties(text: str, ties: str) -> str:
    """A signature of numbers under another tie rule than the run's."""
    body, _, version = text.rpartition("|")
    return f"{body}|ties:{ties}|{version}"


def parse_signature(text: str) -> dict[str, str]:
    """The fields of a signature, `version` among them. Raises InputError where it is not one."""
    first, *fields, last = text.strip().split("|") if "|" in text else ("", "")
    if first != "gdb" or not (last.startswith("v") and last[1:].isdigit()):
        raise InputError(f"not a gdbench signature (gdb|…|v{SCHEMA_VERSION}): {text[:80]!r}")
    pairs = [field.partition(":") for field in fields]
    if not all(colon for _, colon, _ in pairs) or len({k for k, _, _ in pairs}) < len(pairs):
        raise InputError(f"a signature is made of different name:value fields: {text[:80]!r}")
    return {key: value for key, _, value in pairs} | {"version": last[1:]}
