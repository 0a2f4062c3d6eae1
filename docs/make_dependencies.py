"""Write `constraints.txt` and `docs/licences.md` from what is installed.

`python docs/make_dependencies.py` in an environment in which the tests pass. The constraints are
every distribution that `pip install .` brings, at the versions that were tested together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
_LONGEST = 110  # characters of a licence's name; some packages put its whole text there
_CLASSIFIER = "License :: OSI Approved :: "
_CONSTRAINTS = """\
# Versions that the tests passed with, on Linux with Python 3.11. To have a result again:
#   pip install -c constraints.txt .
# Written by `python docs/make_dependencies.py`.
"""
_PAGE = """\
# Licences of the dependencies

What `pip install gdbench` brings, with the licence that each package states. The list is made from
the packages' own metadata by `python docs/make_dependencies.py`, together with `constraints.txt`.
gdbench itself is under Apache-2.0. Data sets and published weights are not dependencies: their
terms are in [data.md](data.md) and in `gdbench models --json`.

| package | version | licence |
| --- | --- | --- |
"""


def closure(name: str) -> Mapping[str, Distribution]:
    """Everything a distribution needs here, by canonical name, itself left out; no extras."""
    packages: dict[str, Distribution] = {}
    waiting = list(_needs(distribution(name), frozenset()))
    seen = set()
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name)
        mark = (key, frozenset(requirement.extras))
        if mark in seen:
            continue
        seen.add(mark)
        try:
            packages[key] = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        waiting.extend(_needs(packages[key], mark[1]))
    return dict(sorted(packages.items()))


def _needs(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in package.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
            yield requirement


def licence(package: Distribution) -> str:
    """What a package says of its licence, in a few words."""
    about = package.metadata
    stated = about.get("License-Expression") or ""
    if not stated:
        named = [
            c.removeprefix(_CLASSIFIER)
            for c in about.get_all("Classifier") or ()
            if c.startswith(_CLASSIFIER)
        ]
        stated = ", ".join(named) or (about.get("License") or "").strip().partition("\n")[0]
    return stated[:_LONGEST] or "not stated"


def constraints(packages: Mapping[str, Distribution]) -> str:
    """The text of `constraints.txt`: one version each, without what it was built for."""
    lines = [f"{name}=={Version(p.version).public}\n" for name, p in packages.items()]
    return _CONSTRAINTS + "".join(lines)


def page(packages: Mapping[str, Distribution]) -> str:
    """The text of `docs/licences.md`."""
    rows = [
        f"| {name} | {Version(p.version).public} | {licence(p)} |\n" for name, p in packages.items()
    ]
    return _PAGE + "".join(rows)


if __name__ == "__main__":
    needed = closure("gdbench")
    (ROOT / "constraints.txt").write_text(constraints(needed), encoding="utf-8")
    (ROOT / "docs/licences.md").write_text(page(needed), encoding="utf-8")
