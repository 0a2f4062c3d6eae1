"""A model however it is handed over: by name, as an object or class, or as a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gdbench.errors import InputError
from gdbench.foreign import describe_fault
from gdbench.models import MODELS, ModelEntry, load_request
from gdbench.models.kinds import asked_options, clean_name
from gdbench.models.loading import release_mode
from gdbench.models.own import load_object, one_line, own_model
from gdbench.protocol import ITMModel, ModelCard
from gdbench.records import Content
from gdbench.run import ModelRequest, Where, asked, flag_of
from gdbench.tasks.base import BUNDLED

NEEDS = (
    "a name or folder, a diffusers pipeline, or an object with `card: ModelCard` and "
    "`score(images, texts)`"
)


@contextmanager
def loaded(
    model: object, options: dict[str, Any]
) -> Iterator[tuple[ITMModel, ModelRequest, Where]]:
    """The model of a call, how it was asked for, and where it runs; for the time of the block.

    Raises GdbenchError with one line where it is no model or cannot be had, or an option does not
    fit.
    """
    if isinstance(model, str | Path):
        options = options | {"compat": release_mode(str(model), options.get("compat"))}
        request, where = asked(str(model), **options)
        yield own_model(load_request(request, where)), request, where
    elif _is_pipeline(model):
        with saved(model) as folder:
            request, where = asked(str(folder), **options)
            yield own_model(load_request(request, where)), request, where
    else:
        yield _object(model, options)


def is_named(model: object) -> bool:
    """Whether a model's name and content say all of it; an object may have a state beside them."""
    return isinstance(model, str | Path) or _is_pipeline(model)


def default_suite(model: object) -> str:
    """The newest bundled suite for the bundled models; else `full`."""
    if isinstance(model, str) and model in MODELS:
        entry: object = MODELS.get(model)
        if isinstance(entry, ModelEntry) and entry.local and entry.kind != "baseline":
            return BUNDLED[0]
    return "full"


def _is_pipeline(model: object) -> bool:
    """Whether it is a pipeline of diffusers, which need not be imported to tell."""
    diffusers: Any = sys.modules.get("diffusers")
    return diffusers is not None and isinstance(model, diffusers.DiffusionPipeline)


@contextmanager
def saved(pipeline: Any) -> Iterator[Path]:
    """A temporary folder with a pipeline of diffusers, as it is now in memory.

    It is read back as any other folder is: hashed, checked and loaded for scoring. The pipeline
    itself is not changed.
    """
    named = str(getattr(pipeline, "name_or_path", "") or "").rstrip("/").rpartition("/")[2]
    with TemporaryDirectory(prefix="gdbench-") as place:
        folder = Path(place) / clean_name(named or type(pipeline).__name__)
        try:
            pipeline.save_pretrained(folder)
        except (OSError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise InputError(
                f"the pipeline cannot be saved to a temporary folder: {describe_fault(error)}"
            ) from error
        yield folder


def _object(model: object, options: dict[str, Any]) -> tuple[ITMModel, ModelRequest, Where]:
    kind = model if isinstance(model, type) else type(model)
    made: Any = model
    # its attributes are a stranger's code too
    with one_line(kind.__name__):
        is_factory = isinstance(model, type) or (callable(model) and not _has_card(model))
        if not is_factory and not (_has_card(made) and hasattr(made, "score")):
            raise InputError(f"{kind.__name__} is not a model: expected {NEEDS}")
        name = clean_name(getattr(made, "__name__", kind.__name__))
        content = getattr(made, "content", None)
    request, where = asked(name, **options)
    if isinstance(content, Content) and not is_factory:
        unused = [name for name in asked_options(request, where) if name != "item_timeout"]
        if unused:
            raise InputError(f"{flag_of(unused[0])}: the model is loaded; give it to load_model")
        return own_model(made), request, where
    return own_model(load_object(made, request, where)), request, where


def _has_card(model: object) -> bool:
    return isinstance(getattr(model, "card", None), ModelCard)
