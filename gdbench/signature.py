"""One line that says how a number was made, printed with every number, and read back.

Example: gdb|task:winoground/text|suite:full|n:400|model:sd2.1@5ede9e4|score:l2|T:250 grid|
norm:uncond|noise:1f3a9c|dtype:fp16|seed:0|v1
"""

from __future__ import annotations

from gdbench.errors import InputError
from gdbench.protocol import ModelCard
from gdbench.records import SCHEMA_VERSION, ModelSettings, TaskInfo

_DTYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def signature(
    task: TaskInfo | None, model: ModelCard, settings: ModelSettings, metric: str | None = None
) -> str:
    """The signature of a result; without a task (scores of one's own pictures) it has no task."""
    fields: dict[str, str] = {}
    if task is not None:
        fields["task"] = f"{task.name}/{metric}" if metric else task.name
        fields["suite"] = task.suite
        fields["n"] = str(task.n_items)
    fields["model"] = f"{model.name}@{model.revision}"
    if settings.lora is not None:
        fields["lora"] = f"{settings.lora.sha256[:6]}*{settings.lora.scale:g}"
    if settings.norm is not None:
        fields["score"] = settings.norm
        fields["T"] = f"{settings.samples} {settings.schedule}"
        fields["norm"] = "uncond" if settings.normalise else "none"
    if settings.noise_sha256 is not None:
        fields["noise"] = settings.noise_sha256[:6]
    if settings.stop not in (None, "none"):
        fields["stop"] = f"{settings.stop} {settings.delta:g}"
    fields["dtype"] = _DTYPES.get(settings.dtype, settings.dtype)
    fields["seed"] = str(settings.seed)
    compat = settings.compat or (task.compat if task is not None else None)
    if compat is not None:
        fields["compat"] = compat
    body = "|".join(f"{key}:{value}" for key, value in fields.items())
    return f"gdb|{body}|v{SCHEMA_VERSION}"


def parse_signature(text: str) -> dict[str, str]:
    """The fields of a signature, `version` among them. Raises InputError where it is not one."""
    first, *fields, last = text.strip().split("|") if "|" in text else ("", "")
    if first != "gdb" or not (last.startswith("v") and last[1:].isdigit()):
        raise InputError(f"not a gdbench signature (gdb|…|v1): {text[:80]!r}")
    pairs = [field.partition(":") for field in fields]
    if not all(colon for _, colon, _ in pairs) or len({k for k, _, _ in pairs}) < len(pairs):
        raise InputError(f"a signature is made of different name:value fields: {text[:80]!r}")
    return {key: value for key, _, value in pairs} | {"version": last[1:]}
