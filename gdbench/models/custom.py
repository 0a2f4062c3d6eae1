"""A user's own model from `path/to/file.py:Class`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path

from gdbench.errors import GdbenchError, InputError
from gdbench.protocol import ITMModel, ModelCard


def load_custom(spec: str) -> ITMModel:
    """The instance `Class()` of a file. Raises InputError that names file, line and fault."""
    location, _, attribute = spec.rpartition(":")
    path = Path(location)
    if not path.is_file():
        raise InputError(f"no file {path} (from --model {spec}; expected path/to/file.py:Class)")
    # the hash of the path keeps two files of one name apart
    name = f"gdbench_custom_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    module_spec = importlib.util.spec_from_file_location(name, path)
    if module_spec is None or module_spec.loader is None:
        raise InputError(f"{path} is not a Python file (expected path/to/file.py:Class)")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module
    try:
        module_spec.loader.exec_module(module)
        made = getattr(module, attribute)() if hasattr(module, attribute) else None
    except GdbenchError:
        raise
    except Exception as error:  # a stranger's code can raise anything, and the fault is to be named
        raise InputError(f"{path}: {describe_fault(error, path)}") from error
    if made is None:
        classes = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == name]
        raise InputError(f"{path} has no {attribute!r}; it has: {', '.join(classes) or 'no class'}")
    model: object = made
    if not isinstance(model, ITMModel) or not isinstance(model.card, ModelCard):
        raise InputError(
            f"{path}:{attribute} is not a model: it needs `card: ModelCard` and "
            "`score(images, texts)`"
        )
    return model


def describe_fault(error: BaseException, path: Path | None = None) -> str:
    """One line for an exception from a user's code: type, message, and the line of their file."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if path is not None and Path(f.filename).resolve() == path.resolve()]
    frame = (mine or frames)[-1] if frames else None
    where = f" (line {frame.lineno} of {Path(frame.filename).name})" if frame else ""
    message = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {message}{where}"
