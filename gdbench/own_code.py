"""Importing a user's own code from a file or a module.

What is hashed is what runs: the source is compiled here, never taken from a bytecode cache that
an edit within the same second leaves stale.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType

from gdbench.errors import GdbenchError, InputError
from gdbench.foreign import describe_fault


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles the source at every import, without a bytecode cache."""

    def get_code(self, fullname: str) -> CodeType:
        """The code object of the module's present source."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class FolderFinder(importlib.abc.MetaPathFinder):
    """Finds the modules beside a user's file, as when the file is run as a script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module below the folder, else None."""
        del target
        if path is None:
            if fullname in sys.stdlib_module_names or not self._has(fullname):
                return None
            places = [str(self.folder)]
        else:
            places = [p for p in path if Path(p).resolve().is_relative_to(self.folder)]
        spec = importlib.machinery.PathFinder.find_spec(fullname, places) if places else None
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = _SourceLoader(fullname, spec.origin)
        return spec

    def _has(self, name: str) -> bool:
        place = self.folder / name
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            return True
        # a folder of data must not hide an installed package of the same name
        has_code = place.is_dir() and any(place.glob("*.py"))
        return has_code and importlib.machinery.PathFinder.find_spec(name) is None


def import_file(path: Path) -> ModuleType:
    """Run a Python file as a module of its own; the modules beside it can be imported.

    Whatever was imported from its folder before is imported anew, so that an edit counts. Raises
    whatever the file raises.
    """
    path = path.resolve()
    folder = path.parent
    _forget(folder)
    finder = FolderFinder(folder)
    sys.meta_path[:] = [
        f for f in sys.meta_path if not (isinstance(f, FolderFinder) and f.folder == folder)
    ]
    sys.meta_path.insert(0, finder)
    # the hash of the path keeps two files of one name apart
    name = f"gdbench_own_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    loader = _SourceLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # noqa: S101 # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None  # noqa: S101 # see above
    spec.loader.exec_module(module)
    return module


def _forget(folder: Path) -> None:
    """Drop modules of this folder, and those of other users' folders with a name in it."""
    others = [f.folder for f in sys.meta_path if isinstance(f, FolderFinder)]
    names = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/*.py")}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None:
            continue
        place = Path(file)
        if place.is_relative_to(folder) or (
            name.partition(".")[0] in names and any(place.is_relative_to(o) for o in others)
        ):
            del sys.modules[name]


def object_of(place: str, attribute: str, flag: str) -> object:
    """The object of a name in `file.py` or `package.module`.

    Raises InputError with one line that begins with the flag.
    """
    target = f"{flag} {place}:{attribute}"
    path = Path(place).expanduser() if place.endswith(".py") else None
    if path is not None and not path.is_file():
        raise InputError(f"{target}: there is no file {place}")
    try:
        module = import_module(place) if path is None else import_file(path)
    except GdbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{target} cannot be loaded: {describe_fault(error, path)}") from error
    if not hasattr(module, attribute):
        names = [name for name in vars(module) if name.isupper()]
        have = ", ".join(names) or "no name in capitals"
        raise InputError(f"{target}: {place} has no {attribute!r}; it has {have}")
    found: object = getattr(module, attribute)
    return found
