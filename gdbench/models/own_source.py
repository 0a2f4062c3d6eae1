"""Importing a user's own code from a file, with an account of every byte of it that was read.

What is hashed is what runs: the source is compiled here, never taken from a bytecode cache that
an edit within the same second leaves stale.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import CodeType, ModuleType

from gdbench.models.digests import digest_text


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
    spec = importlib.util.spec_from_loader(name, _SourceLoader(name, str(path)), origin=str(path))
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


def source_digests(path: Path, root: Path | None = None) -> dict[str, str]:
    """sha256 of a source file and of all that it imports, directly or not, from its own folder.

    Also imports inside functions, so that nothing depends on what has run so far. Names are paths
    relative to the folder (`root`: that of a package whose module the file is).
    """
    folder = (root or path.parent).resolve()
    waiting, digests = [path.resolve()], {}
    while waiting:
        file = waiting.pop()
        name = file.relative_to(folder).as_posix()
        if name in digests:
            continue
        source = file.read_bytes()
        digests[name] = digest_text(source)
        waiting += [f for f in _imports(source, file, folder) if f.is_relative_to(folder)]
    return dict(sorted(digests.items()))


def _imports(source: bytes, file: Path, folder: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        # importing it is what fails, and says why
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name, folder)
        elif isinstance(node, ast.ImportFrom):
            base = folder
            if node.level:
                base = file.parent
                for _ in range(node.level - 1):
                    base = base.parent
            yield from _files_of(node.module or "", base)
            for alias in node.names:
                yield from _files_of(f"{node.module or ''}.{alias.name}".strip("."), base)


def _files_of(dotted: str, base: Path) -> Iterator[Path]:
    """The files that importing a dotted name runs, as far as they lie below `base`."""
    place = base
    for part in [p for p in dotted.split(".") if p]:
        place = place / part
        if (place / "__init__.py").is_file():
            yield place / "__init__.py"
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")
            return
        elif not place.is_dir():
            return


def module_digests(module: ModuleType) -> dict[str, str]:
    """What is hashed of an installed module: its distribution, and its package's sources."""
    top = module.__name__.partition(".")[0]
    parts = {}
    for distribution in sorted(set(packages_distributions().get(top, []))):
        parts[f"distribution {distribution}"] = digest_text(version(distribution))
    file = getattr(module, "__file__", None)
    if file is not None and file.endswith(".py"):
        path = Path(file).resolve()
        package = getattr(sys.modules.get(top), "__file__", None)
        root = Path(package).resolve().parent.parent if package else path.parent
        if not path.is_relative_to(root):
            root = path.parent
        parts |= source_digests(path, root)
    return parts
