"""One registry class for models and tasks: a name stands for a lazy "package.module:attribute".

Plug-ins come from an entry point group. One that is broken stops nothing but itself: it is named,
with its fault, by `problems()`, and raises where it is asked for by name. What is built in cannot
be replaced by a plug-in of the same name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from gdbench.errors import GdbenchError, UnknownNameError

T = TypeVar("T")
Fault = Callable[[str, object], str | None]
"""What is wrong with the object that a plug-in of this name brought; None: nothing."""


class Registry(Generic[T]):
    """Names -> objects, imported when asked for; `fault` judges what a plug-in brings."""

    def __init__(self, what: str, group: str, fault: Fault | None = None) -> None:
        self.what = what
        self.group = group
        self._fault = fault
        self._targets: dict[str, str] = {}
        self._plugins: dict[str, list[EntryPoint]] | None = None

    def add(self, name: str, target: str) -> None:
        """Register "package.module:attribute" under a name. Raises GdbenchError on a collision."""
        if name in self._targets:
            raise GdbenchError(
                f"two {self.what}s are called {name!r}: {self._targets[name]} and {target}"
            )
        self._targets[name] = target

    def names(self) -> list[str]:
        """All names in order of registration, plug-ins last, the broken ones among them."""
        return [*self._targets, *(n for n in self._read_plugins() if n not in self._targets)]

    def __contains__(self, name: object) -> bool:
        return name in self._targets or name in self._read_plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def get(self, name: str) -> T:
        """The object of that name.

        Raises UnknownNameError with the nearest names, GdbenchError that names a plug-in and its
        fault.
        """
        target = self._targets.get(name)
        if target is not None:
            module, _, attribute = target.partition(":")
            return cast("T", getattr(import_module(module), attribute))
        points = self._read_plugins().get(name)
        if points is None:
            known = self.names()
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
            raise UnknownNameError(f"unknown {self.what} {name!r}; {hint}")
        if len(points) > 1:
            both = " and ".join(_origin(point) for point in points)
            raise GdbenchError(f"{self.what} plug-in {name!r}: two have this name, {both}")
        return self._load(points[0])

    def items(self) -> Iterator[tuple[str, T]]:
        """Names with their objects, without the plug-ins that are broken (see `problems`)."""
        for name in self.names():
            try:
                thing = self.get(name)
            except GdbenchError:
                if name in self._targets:
                    raise
                continue
            yield name, thing

    def problems(self) -> list[str]:
        """One line for each plug-in that cannot be used."""
        lines = []
        for name, points in self._read_plugins().items():
            if name in self._targets:
                lines += [
                    f"{self.what} plug-in {name!r} ({_origin(point)}) is ignored: "
                    f"a {self.what} of this name is built in"
                    for point in points
                ]
                continue
            try:
                self.get(name)
            except GdbenchError as error:
                lines.append(str(error))
        return lines

    def _load(self, point: EntryPoint) -> T:
        where = f"{self.what} plug-in {point.name!r} ({_origin(point)})"
        try:
            thing = point.load()
        except (Exception, SystemExit) as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            raise GdbenchError(f"{where} cannot be loaded: {words}") from error
        fault = None if self._fault is None else self._fault(point.name, thing)
        if fault is not None:
            raise GdbenchError(f"{where}: {fault}")
        return cast("T", thing)

    def _read_plugins(self) -> dict[str, list[EntryPoint]]:
        """Plug-ins by name; more than one distribution may bring the same name."""
        if self._plugins is None:
            self._plugins = {}
            for point in sorted(entry_points(group=self.group), key=lambda p: (p.name, _origin(p))):
                self._plugins.setdefault(point.name, []).append(point)
        return self._plugins


def _origin(point: EntryPoint) -> str:
    """What a plug-in points at, and the distribution that brought it."""
    brought = "" if point.dist is None else f" of {point.dist.name} {point.dist.version}"
    return f"{point.value}{brought}"
