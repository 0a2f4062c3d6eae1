"""Options of the verbs: those of settings, places and conditions come from their classes.

An option is declared once, as a field of `ModelSettings`, `Where`, `ModelRequest` or `Conditions`
with its help text and range; `generated` makes flags of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, get_args

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gdbench.data.own.options import DataOptions
from gdbench.errors import InputError
from gdbench.progress import EvaluationBars, bars
from gdbench.records import ModelSettings
from gdbench.run import Conditions, ModelRequest, Spread, Where, flag_of
from gdbench.terminal import note

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
ResamplingSeedOption = Annotated[int, typer.Option("--seed", help="Of the resampling.", min=0)]
RootOption = Annotated[
    Path | None, typer.Option(help="Folder with the published data (see `gdbench data`).")
]
Fields = Mapping[str, FieldInfo]
_ALSO = {"model": "-m", "schedule": "--timesteps"}
"""Second names of flags."""


def fields(kind: type[BaseModel], *names: str) -> Fields:
    """Fields of a class as options: those named, else all that a user may choose."""
    chosen = names or tuple(kind.model_fields)
    return {name: kind.model_fields[name] for name in chosen}


SETTINGS = fields(ModelSettings, *ModelSettings.asked_names())
WHERE = fields(Where)
CONDITIONS = fields(Conditions)
SPREAD = fields(Spread)
MODEL: Fields = {
    **fields(ModelRequest, "model"),
    **SETTINGS,
    **WHERE,
    **fields(ModelRequest, "lora", "arguments"),
}
COMPAT = fields(Conditions, "compat")
DATA = fields(DataOptions)
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Your own pictures and captions: a folder, or a file (docs/own-data.md)."
    ),
]


def generated(**groups: Fields) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb one parameter for each group, a dict of the values of the group's flags.

    What was not given on the command line is left out of the dict.
    """

    def decorate(run: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(run, eval_str=True).parameters
        kept = [p.replace(kind=p.KEYWORD_ONLY) for n, p in own.items() if n not in groups]
        made = [_parameter(n, f) for group in groups.values() for n, f in group.items()]

        @wraps(run)
        def verb(**values: Any) -> None:
            given = {
                name: {n: _value(n, f, values.pop(n)) for n, f in group.items()}
                for name, group in groups.items()
            }
            run(
                **{n: {k: v for k, v in g.items() if v is not None} for n, g in given.items()},
                **values,
            )

        required = [p for p in (*made, *kept) if p.default is p.empty]
        optional = [p for p in (*kept, *made) if p.default is not p.empty]
        verb.__signature__ = inspect.Signature([*required, *optional])  # type: ignore[attr-defined] # read by typer
        verb.__annotations__ = {p.name: p.annotation for p in (*required, *optional)}
        return verb

    return decorate


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """The flag of a field."""
    flags = [flag_of(name), *([_ALSO[name]] if name in _ALSO else [])]
    either = _is_either(name, field)
    if either:
        flags = [f"{flag_of(name)}/--no-{flag_of(name).removeprefix('--')}"]
    option: Any = typer.Option(*flags, help=field.description, **_range(field))
    default = inspect.Parameter.empty if field.is_required() else None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if _is_switch(field) and not either else default,
        annotation=Annotated[bool | None if either else _type(field), option],
    )


def _is_switch(field: FieldInfo) -> bool:
    return bool in (field.annotation, *get_args(field.annotation))


def _is_either(name: str, field: FieldInfo) -> bool:
    """Whether yes, no and nothing said are three things, and no has no flag of its own name."""
    return _is_switch(field) and field.default is None and not flag_of(name).startswith("--no-")


def _type(field: FieldInfo) -> Any:
    """What the command line reads: a word, a number, a path, or one of some choices."""
    extra = field.json_schema_extra
    choices: Any = extra.get("choices") if isinstance(extra, dict) else None
    if choices:
        return Optional[Literal.__getitem__(tuple(choices))]  # noqa: UP045 # made at run time
    if _is_switch(field):
        return bool
    kinds = [k for k in get_args(field.annotation) or (field.annotation,) if k is not type(None)]
    if any(getattr(k, "__origin__", k) in (tuple, dict) for k in kinds):
        return str | None
    if field.is_required():
        return field.annotation
    return Any if not kinds else kinds[0] | None


def _range(field: FieldInfo) -> dict[str, Any]:
    """Bounds that the command line checks and shows."""
    found = {}
    for rule in field.metadata:
        for name, key in (("ge", "min"), ("le", "max")):
            if getattr(rule, name, None) is not None:
                found[key] = getattr(rule, name)
    return found


def _value(name: str, field: FieldInfo, value: Any) -> Any:
    """A flag's value as the field has it; None: not given."""
    if _is_either(name, field):
        return value
    if flag_of(name).startswith("--no-"):
        return False if value else None
    if value is False or value is None:
        return None
    if name == "stop_ranks":
        return _ranks(value)
    if name == "arguments":
        return _arguments(value)
    return value


def _ranks(value: str) -> tuple[int, ...] | None:
    """Ranks from `1,5`, None for `metrics`. Raises InputError for anything else."""
    if value == "metrics":
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part[:4]) < 1000 for part in parts):  # noqa: PLR2004 # no task has so many candidates
        raise InputError(f"--stop-ranks {value!r}: expected metrics, or ranks such as 1,5")
    return tuple(sorted({int(part) for part in parts}))


def _arguments(value: str) -> dict[str, str]:
    """Pairs from `key=value,key=value`. Raises InputError for anything else."""
    found: dict[str, str] = {}
    for pair in value.split(","):
        key, sign, text = pair.partition("=")
        if not sign or not key.strip().isidentifier() or key.strip() in found:
            raise InputError(f"--model-args {value!r}: expected key=value,key=value")
        found[key.strip()] = text.strip()
    return found


@contextmanager
def item_progress() -> Iterator[EvaluationBars]:
    """A bar for each task on standard error, with items done and time left."""
    with bars() as display:
        yield EvaluationBars(display)


def warn(lines: Iterable[str]) -> None:
    """A line each on standard error; the command goes on."""
    for line in lines:
        note(f"warning: {line}")
