"""The model of a record, where it is on this machine: how it is loaded, and that it is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdbench.errors import GdbenchError, UnknownNameError
from gdbench.models import load_request
from gdbench.models.own import own_model
from gdbench.protocol import ITMModel
from gdbench.readable import shown
from gdbench.records import ModelSettings, ResultRecord
from gdbench.run import ModelRequest, Where

Load = Callable[[ResultRecord], ITMModel]


class NotAtHandError(GdbenchError):
    """The model of a record is not on this machine: no fault of the record."""


def loader(spec: str | None, lora: str | None = None, where: Where | None = None) -> Load:
    """How the model of a record is loaded: by its registered name, or as `spec`.

    A record is a stranger's: its name is looked up in the registry, never taken for a path, and
    nothing is downloaded for it. All its settings are taken over.
    """

    def load(record: ResultRecord) -> ITMModel:
        settings = record.settings.asked()
        if spec is not None or record.model.family == "control":
            # what only a diffusion model's own settings have is refused by other models
            settings = settings.model_copy(update={"dtype": _dtype_of(record)})
        request = ModelRequest(
            model=spec or registered(record, lora=lora is not None),
            arguments={} if spec is None else record.settings.extra,
            lora=lora,
            settings=settings,
        )
        return load_request(request, where)

    return load


def _dtype_of(record: ResultRecord) -> str | None:
    """The precision that was recorded, where the model has one to choose."""
    return None if record.settings.dtype == "float32" else record.settings.dtype


def registered(record: ResultRecord, *, lora: bool = False) -> str:
    """What `--model` calls the record's model. Raises NotAtHandError where it is not here."""
    from gdbench.models import KINDS
    from gdbench.models.loading import entry_of

    try:
        entry, prefix = entry_of(record.model.name)
    except UnknownNameError:
        raise NotAtHandError(
            f"{shown(record.model.name)} is not registered; give --model"
        ) from None
    if not KINDS.get(entry.kind).is_here(entry):
        raise NotAtHandError(f"the weights of {entry.name} are not here")
    if record.settings.lora is not None and entry.lora is None and not lora:
        raise NotAtHandError(f"{entry.name} was run with a LoRA; give --lora")
    return prefix + entry.name


def same_model(model: ITMModel, record: ResultRecord) -> str | None:
    """Why the loaded model is not the record's though it has its name; None where it is.

    Records before version 2 name no content: their scores alone tell. Raises NotAtHandError where
    it is other content.
    """
    subject: Any = own_model(model)
    if record.content is not None:
        parts = subject.content.differences(record.content)
        if parts:
            raise NotAtHandError(f"here is other content: {', '.join(parts)}")
    here, theirs = subject.card.name, record.model.name
    if here != theirs:
        return f"the model here is {shown(here)}, the record has {shown(theirs)}"
    mine, said = subject.settings, record.settings
    if record.content is None:
        mine, said = (_comparable(s) for s in (mine, said))
    if mine != said:
        return "the settings of the model here are not those of the record"
    return None


def _comparable(settings: ModelSettings) -> ModelSettings:
    """Settings as version 1 had them: a LoRA's hash was of its file, a precision always there."""
    dtype = None if settings.dtype == "float32" else settings.dtype
    return settings.model_copy(update={"lora": None, "dtype": dtype})
