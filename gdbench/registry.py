"""One registry class for models and tasks: a name stands for a lazy "package.module:attribute"."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from gdbench.errors import GdbenchError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names -> objects, imported when asked for; plugins come from an entry point group."""

    def __init__(self, what: str, group: str) -> None:
        self.what = what
        self.group = group
        self._targets: dict[str, str] = {}
        self._plugins_read = False

    def add(self, name: str, target: str) -> None:
        """Register "package.module:attribute" under a name. Raises GdbenchError on a collision."""
        if name in self._targets:
            raise GdbenchError(
                f"two {self.what}s are called {name!r}: {self._targets[name]} and {target}"
            )
        self._targets[name] = target

    def names(self) -> list[str]:
        """All names in order of registration, plugins last."""
        self._read_plugins()
        return list(self._targets)

    def __contains__(self, name: object) -> bool:
        self._read_plugins()
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def get(self, name: str) -> T:
        """The object of that name. Raises UnknownNameError with the nearest names."""
        self._read_plugins()
        target = self._targets.get(name)
        if target is None:
            near = difflib.get_close_matches(name, self._targets, n=3, cutoff=0.5)
            hint = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"known: {', '.join(self._targets)}"
            )
            raise UnknownNameError(f"unknown {self.what} {name!r}; {hint}")
        module, _, attribute = target.partition(":")
        found: T = getattr(import_module(module), attribute)
        return found

    def _read_plugins(self) -> None:
        if self._plugins_read:
            return
        self._plugins_read = True
        for point in sorted(entry_points(group=self.group), key=lambda p: p.name):
            self.add(point.name, point.value)
