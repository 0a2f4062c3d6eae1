"""An account of every byte of a user's own code that a model is made of."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType

from gdbench.models.digests import digest_text


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
        package = Path(getattr(sys.modules.get(top), "__file__", None) or file).resolve()
        root = package.parent.parent if package.name == "__init__.py" else package.parent
        if not path.is_relative_to(root):
            root = path.parent
        parts |= source_digests(path, root)
    return parts
