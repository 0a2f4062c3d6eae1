"""A user's own model: from a file, an installed module, a plug-in, or an object.

`path/to/file.py:NAME` and `package.module:NAME` name a class, an instance, or a function that
makes a model. A class or function is given the options that it asks for by parameter name: those
of `ModelSettings` and `Where`, `settings` and `where` whole, and what stands in --model-args.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from gdbench.errors import GdbenchError, InputError
from gdbench.foreign import describe_fault
from gdbench.models.digests import digest_text
from gdbench.models.kinds import asked_options
from gdbench.models.own_source import module_digests, source_digests
from gdbench.own_code import import_file
from gdbench.protocol import BatchedITMModel, Item, ITMModel, Matrix, ModelCard, Scores
from gdbench.records import Content, ModelSettings
from gdbench.run import ModelRequest, Where, flag_of

MODULE_SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")
_SHORT = 7  # characters of the content's hash in a revision


class OwnModel:
    """A user's model with what the run has to know of it: content, settings, a card with both."""

    def __init__(self, inner: ITMModel, content: Content, settings: ModelSettings) -> None:
        self.inner = inner
        self.content = content
        self.settings = settings
        self.card = _identified(inner.card, content)

    def __getattr__(self, name: str) -> Any:
        """What else the model offers, such as `device_seconds`."""
        try:
            return getattr(self.inner, name)
        except AttributeError:
            raise
        except Exception as error:
            raise InputError(f"{self.card.name}.{name}: {describe_fault(error)}") from error

    @property
    def device(self) -> str:
        """Where the model says that it runs."""
        try:
            return str(getattr(self.inner, "device", "cpu"))
        except Exception:  # noqa: BLE001 # a stranger's property can raise anything
            return "unknown"

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """See `gdbench.protocol.ITMModel`."""
        return self.inner.score(images, texts)


class BatchedOwnModel(OwnModel):
    """A user's model that sees many items at once."""

    inner: BatchedITMModel

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """See `gdbench.protocol.BatchedITMModel`."""
        yield from self.inner.score_items(items)


def _identified(card: ModelCard, content: Content) -> ModelCard:
    """The card with the content's hash in its revision, beside one that the user gave."""
    short = content.sha256[:_SHORT]
    if short in card.revision:
        return card
    given = "" if card.revision == "0" else card.revision
    revision = f"{given[: 95 - _SHORT]}+{short}" if given else short
    return card.model_copy(update={"revision": revision})


def is_file_spec(source: str) -> bool:
    """Whether a source is `path/to/file.py:NAME`, or a .py file without the name."""
    return source.endswith(".py") or source.rpartition(":")[0].endswith(".py")


def load_file(request: ModelRequest, where: Where) -> ITMModel:
    """The model of `path/to/file.py:NAME`. Raises InputError that names file, line and fault."""
    location, _, attribute = request.model.rpartition(":")
    path = Path(location or attribute)
    if not path.is_file():
        raise InputError(
            f"no file {path} (from --model {request.model}; expected path/to/file.py:Class)"
        )
    try:
        # hashed before it runs: an edit while the model is at work is another content
        sources = source_digests(path)
        module = import_file(path)
    except (GdbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # a stranger's code can raise anything, and the fault is to be named
        raise InputError(f"{path}: {describe_fault(error, path)}") from error
    if not location or not hasattr(module, attribute):
        raise InputError(
            f"{path} has no {attribute if location else ''!r}; it has: {_made(module)}"
        )
    return instantiate(
        getattr(module, attribute), sources, request, where, what=f"{path}:{attribute}", path=path
    )


def load_module(request: ModelRequest, where: Where) -> ITMModel:
    """The model of `package.module:NAME`. Raises InputError with one line."""
    name, _, attribute = request.model.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise InputError(
                f"--model {request.model}: there is no module {error.name}; is its package "
                "installed in this environment?"
            ) from None
        raise InputError(f"{name}: {describe_fault(error)}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"{name}: {describe_fault(error)}") from error
    if not hasattr(module, attribute):
        raise InputError(f"{name} has no {attribute!r}; it has: {_made(module)}")
    made = getattr(module, attribute)
    return instantiate(made, module_digests(module), request, where, what=request.model)


def load_object(made: object, request: ModelRequest, where: Where) -> ITMModel:
    """A plug-in's class, instance or factory. Raises InputError with one line."""
    return instantiate(made, _digests_of(made), request, where, what=request.model)


def own_model(model: object) -> ITMModel:
    """An object that was handed over, with content and settings; models that have them stay.

    Raises InputError where it is not an ITMModel, or its attributes raise.
    """
    with one_line(type(model).__name__):
        return _own_model(model)


def _own_model(model: object) -> ITMModel:
    _check(model, type(model).__name__)
    assert isinstance(model, ITMModel)  # noqa: S101 # checked
    content, settings = getattr(model, "content", None), _settings_of(model, type(model).__name__)
    if isinstance(content, Content) and settings is not None:
        return model
    if not isinstance(content, Content):
        content = Content(parts=_digests_of(model))
    return _wrapped(model, content, settings or ModelSettings())


def _settings_of(model: object, what: str) -> ModelSettings | None:
    """The settings that a model says it has. Raises InputError where they are of another type."""
    settings = getattr(model, "settings", None)
    if settings is None or isinstance(settings, ModelSettings):
        return settings
    raise InputError(
        f"{what}: its attribute settings is of type {type(settings).__name__}; gdbench reads a "
        "gdbench.ModelSettings there: make it one, or give yours another name"
    )


@contextmanager
def one_line(what: str, path: Path | None = None) -> Iterator[None]:
    """Whatever a stranger's code raises in the block is an InputError; KeyboardInterrupt passes."""
    try:
        yield
    except (GdbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise InputError(f"{what}: {describe_fault(error, path)}") from error


def instantiate(
    made: object,
    sources: Mapping[str, str],
    request: ModelRequest,
    where: Where,
    *,
    what: str,
    path: Path | None = None,
) -> ITMModel:
    """The model that a class or factory makes, or that an instance is; options as it asks.

    Raises InputError with one line, also where its code raises, that of an attribute included.
    """
    with one_line(str(path or what), path):
        return _instantiated(made, sources, request, where, what)


def _instantiated(
    made: object, sources: Mapping[str, str], request: ModelRequest, where: Where, what: str
) -> ITMModel:
    options = asked_options(request, where)
    # a seed is recorded for every model, whether or not it draws anything
    options.pop("seed", None)
    options.pop("arguments", None)
    # kept by the harness, whatever the model makes of it
    options.pop("item_timeout", None)
    if isinstance(made, type) or (callable(made) and not _is_model(made)):
        keywords = _keywords(made, request, where, what)
        unused = [name for name in options if not _takes(made, name)]
        model: object = None if unused else made(**keywords)
    else:
        model, unused = made, list(options)
        if request.arguments:
            raise InputError(f"--model-args: {what} is an instance and takes no arguments")
    if unused:
        flags = ", ".join(flag_of(name, options[name]) for name in unused)
        raise InputError(
            f"{flags}: {what} does not ask for it (no parameter {unused[0]!r}); leave it out"
        )
    _check(model, what)
    known = _settings_of(model, what) or ModelSettings()
    known = known.model_copy(
        update={
            "seed": request.settings.seed or known.seed,
            "dtype": known.dtype or request.settings.dtype,
            "extra": {**known.extra, **request.arguments},
        }
    )
    content = Content(parts=dict(sources))
    return _wrapped(model, content, known)  # type: ignore[arg-type] # checked


def _wrapped(model: ITMModel, content: Content, settings: ModelSettings) -> ITMModel:
    if isinstance(model, BatchedITMModel):
        return BatchedOwnModel(model, content, settings)
    return OwnModel(model, content, settings)


def _is_model(made: object) -> bool:
    return isinstance(getattr(made, "card", None), ModelCard) and hasattr(made, "score")


def _check(model: object, what: str) -> None:
    if not isinstance(model, ITMModel) or not isinstance(model.card, ModelCard):
        raise InputError(
            f"{what} is not a model: it needs `card: ModelCard` and `score(images, texts)`"
        )


def _parameters(made: Callable[..., object]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(made).parameters
    except (ValueError, TypeError):
        # built in C: nothing is known of it, and nothing is passed
        return {}


def _takes(made: object, name: str) -> bool:
    parameters = _parameters(made)  # type: ignore[arg-type] # called by instantiate alone
    whole = "where" if name in Where.model_fields else "settings"
    return name in parameters or (whole in parameters and name != "lora")


def _keywords(
    made: Callable[..., object], request: ModelRequest, where: Where, what: str
) -> dict[str, object]:
    """The keyword arguments for a class or factory. Raises InputError for wrong --model-args."""
    parameters = _parameters(made)
    offered: dict[str, object] = {
        **{name: getattr(request.settings, name) for name in ModelSettings.asked_names()},
        **{name: getattr(where, name) for name in Where.model_fields},
        "lora": request.lora,
        "settings": request.settings,
        "where": where,
    }
    keywords = {
        name: value
        for name, value in offered.items()
        # an option that was not chosen leaves the parameter's own default
        if name in parameters and (value is not None or parameters[name].default is inspect._empty)  # noqa: SLF001 # no public name for "no default"
    }
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, text in request.arguments.items():
        if name in offered:
            raise InputError(f"--model-args {name}: it has an option of its own, {flag_of(name)}")
        if name not in parameters and not open_ended:
            known = ", ".join(n for n in parameters if n not in offered) or "none"
            raise InputError(
                f"--model-args {name}: {what} takes no such argument; it takes {known}"
            )
        keywords[name] = _value(text)
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and name not in keywords
    ]
    if missing:
        raise InputError(f"{what} needs the argument {missing[0]!r}: --model-args {missing[0]}=…")
    return keywords


def _value(text: str) -> object:
    """A number, truth value or list where the text is one in JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _digests_of(made: object) -> dict[str, str]:
    """Hashes of the source behind an object or class, as far as it can be found."""
    kind = made if isinstance(made, type) or inspect.isfunction(made) else type(made)
    module = inspect.getmodule(kind)
    spec: ModuleSpec | None = getattr(module, "__spec__", None)
    if module is not None and spec is not None and spec.name != "__main__":
        return module_digests(module)
    try:
        file = inspect.getsourcefile(kind)
        if file is not None and Path(file).is_file():
            return source_digests(Path(file))
        return {kind.__name__: digest_text(inspect.getsource(kind))}
    except (OSError, TypeError):
        # typed at a prompt: its name is all there is
        return {kind.__qualname__: digest_text(kind.__qualname__)}


def _made(module: ModuleType) -> str:
    names = [
        name for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]  # fmt: skip
    return ", ".join(names) or "no class"
