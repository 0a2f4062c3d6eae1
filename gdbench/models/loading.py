"""From what a user types after --model to a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from gdbench.errors import InputError, UnknownNameError
from gdbench.foreign import one_process
from gdbench.memory import attempted, no_room_for_weights
from gdbench.models.controls import KINDS as CONTROLS
from gdbench.models.controls import control, parse_control
from gdbench.models.hub import HUB_ID, fetch
from gdbench.models.kinds import KINDS, ModelEntry, refuse_unused
from gdbench.models.model_card import licence_of
from gdbench.models.own import MODULE_SPEC, is_file_spec, load_file, load_module, load_object
from gdbench.models.zoo import MODELS
from gdbench.protocol import ITMModel
from gdbench.records import Compat
from gdbench.run import ModelRequest, Where, asked


def load_model(model: str, **options: Any) -> ITMModel:
    """The model of that name, folder, hub id or file.

    Args:
        model: see `ModelRequest.model`.
        **options: see `gdbench.run.asked`, e.g. `samples=10, device="cpu", lora="lora/"`.

    Raises:
        GdbenchError: one line, where it cannot be had or an option does not fit.
    """
    return load_request(*asked(model, **options))


@one_process()
def load_request(request: ModelRequest, where: Where | None = None) -> ITMModel:
    """The model that was asked for; see `load_model`."""
    where = where or Where()
    source = request.model
    if source.startswith("control:"):
        kind, inner = parse_control(source)
        return control(load_request(request.model_copy(update={"model": inner}), where), kind)
    if is_file_spec(source):
        return load_file(request, where)
    found = resolve(source)
    if found is None:
        return load_module(request, where)
    if not isinstance(found, ModelEntry):
        return load_object(found, request, where)
    kind_of_model = KINDS.get(found.kind)
    refuse_unused(kind_of_model.uses, request, where, found.name)
    model = attempted(lambda: kind_of_model.load(_with_licence(found), request, where))
    if model is None:
        raise no_room_for_weights(found.name, _smaller(kind_of_model.uses, request, where))
    return model


def _smaller(uses: frozenset[str], request: ModelRequest, where: Where) -> list[str]:
    """Options by which a model takes less of a device's memory, of those that were not chosen."""
    options = []
    if "dtype" in uses and request.settings.dtype in (None, "float32"):
        options.append("--dtype float16")
    if "offload" in uses and not where.offload:
        options.append("--offload")
    return options


def refuse_unfit(request: ModelRequest, where: Where) -> None:
    """Raise InputError for what can be told to be wrong before a model is loaded or fetched."""
    source = request.model
    if source.startswith("control:"):
        source = parse_control(source)[1]
        refuse_unfit(request.model_copy(update={"model": source}), where)
    elif is_file_spec(source):
        place = source.rpartition(":")[0] or source
        if not Path(place).is_file():
            raise InputError(f"--model {source}: there is no file {place}")
    else:
        found = resolve(source)
        if isinstance(found, ModelEntry):
            refuse_unused(KINDS.get(found.kind).uses, request, where, found.name)


def _with_licence(entry: ModelEntry) -> ModelEntry:
    """An entry of a model that is not registered, with the licence that its README names."""
    if entry.license or entry.kind == "baseline":
        return entry
    folder = Path(entry.source)
    if not entry.local:
        repo = entry.source.removeprefix("hf-hub:")
        # open_clip's own ARCH/TAG looks like a hub id, and is none
        if not HUB_ID.match(repo) or (entry.kind == "open-clip" and repo == entry.source):
            return entry
        try:
            folder = fetch(repo, entry.revision, ["README.md"])
        except InputError:
            # loading says what the matter is
            return entry
    return replace(entry, license=licence_of(folder))


def resolve(source: str) -> object | None:
    """What a name, prefix or folder stands for: an entry, a plug-in's object; None: a module.

    Raises UnknownNameError with near matches, InputError for a folder that no kind claims.
    """
    if source in MODELS:
        return MODELS.get(source)
    for _, kind in KINDS.items():  # noqa: PERF102 # a registry is no dict
        entry = kind.claim(source)
        if entry is not None:
            return entry
    if Path(source).is_dir():
        raise InputError(
            f"{source} is not a model folder: none of model_index.json (diffusers), "
            "open_clip_config.json (open_clip) and config.json (transformers) is in it"
        )
    if MODULE_SPEC.match(source):
        return None
    expected = ModelRequest.model_fields["model"].description
    if "/" in source or source.startswith("."):
        raise InputError(f"no folder {source}; --model takes: {expected}")
    try:
        return MODELS.get(source)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error} (--model takes: {expected})") from None


def takes(source: str, option: str) -> bool:
    """Whether the model of that name or folder uses an option (a field of settings or places).

    A model of the user's own says so when it is made: False here.
    """
    if source.startswith("control:"):
        return takes(parse_control(source)[1], option)
    entry = None if is_file_spec(source) else resolve(source)
    return isinstance(entry, ModelEntry) and option in KINDS.get(entry.kind).uses


def release_mode(source: str, compat: Compat | None) -> Compat | None:
    """`compat` as the model of that name or folder is asked for.

    None for a kind of model without timesteps and noise: the mode is then one of items, ties and
    denominators alone. Raises as `resolve`.
    """
    if compat not in get_args(Compat) or is_file_spec(source):
        return compat
    if source.startswith("control:"):
        return release_mode(parse_control(source)[1], compat)
    entry = resolve(source)
    if isinstance(entry, ModelEntry) and "schedule" not in KINDS.get(entry.kind).uses:
        return None
    return compat


def entry_of(name: str) -> tuple[ModelEntry, str]:
    """The registered entry behind a card's name, and the prefix of the control it stands for.

    Raises UnknownNameError where the name is not registered as a model with weights.
    """
    prefix = ""
    for kind in CONTROLS:
        if name not in MODELS and name.startswith(f"{kind}-"):
            name, prefix = name.removeprefix(f"{kind}-"), f"control:{kind}:"
    entry: object = MODELS.get(name)
    if not isinstance(entry, ModelEntry):
        raise UnknownNameError(f"{name} is a plug-in's own model")
    return entry, prefix
