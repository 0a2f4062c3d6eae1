"""Versions of what gdbench needs, its extras, and plug-ins."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement

from gdbench.doctor.findings import Finding
from gdbench.environment import package_version

_EXTRAS = {
    "aro": "word-order negatives of ARO with spaCy",
    "ray": "many processes and machines with `--engine ray`",
    "tokenizers": "models with a T5 or SentencePiece tokenizer, and SmolVLM",
}
"""The extras of a user, and what each is for; those of developers are not looked at."""


def findings() -> Iterator[Finding]:
    """Python, gdbench, the libraries it needs, its extras, and plug-ins that are broken."""
    yield Finding("ok", f"gdbench {package_version('gdbench') or 'unknown'}, "
                        f"Python {platform.python_version()}, "
                        f"{platform.system()} {platform.machine()}")  # fmt: skip
    try:
        declared = [Requirement(text) for text in requires("gdbench") or ()]
    except PackageNotFoundError:
        yield Finding(
            "note",
            "gdbench is imported from a folder and not installed.",
            "Install it with `pip install --editable .` to have its versions checked.",
        )
        return
    yield from _needed([r for r in declared if r.marker is None])
    for extra, purpose in _EXTRAS.items():
        yield from _extra(extra, purpose, declared)
    yield from _plug_ins()


def _needed(requirements: list[Requirement]) -> Iterator[Finding]:
    """What is missing or too old, else one line with the versions of all."""
    bad = [r for r in requirements if _fault(r)]
    for requirement in bad:
        yield Finding("fail", _fault(requirement), f"Run `pip install --upgrade '{requirement}'`.")
    if not bad:
        versions = ", ".join(f"{r.name} {package_version(r.name)}" for r in requirements)
        yield Finding("ok", versions)


def _fault(requirement: Requirement) -> str:
    """What is wrong with the installed version; empty: nothing."""
    version = package_version(requirement.name)
    if version is None:
        return f"{requirement.name} is not installed."
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version} does not meet {requirement.specifier}."
    return ""


def _extra(extra: str, purpose: str, declared: list[Requirement]) -> Iterator[Finding]:
    members = [r for r in declared if r.marker is not None and _is_of(r, extra)]
    faults = [fault for r in members if (fault := _fault(r))]
    if faults:
        yield Finding(
            "note",
            f"Extra {extra} is not complete: {' '.join(faults)}",
            f"It is for {purpose}. If you need it, run `pip install 'gdbench[{extra}]'`.",
        )
    elif members:
        yield Finding("ok", f"Extra {extra}: {purpose}.")


def _is_of(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra})


def _plug_ins() -> Iterator[Finding]:
    from gdbench.models import KINDS, MODELS
    from gdbench.tasks import TASKS

    for text in (*KINDS.problems(), *MODELS.problems(), *TASKS.problems()):
        yield Finding("fail", text, "Repair the package that brings it, or uninstall it.")
