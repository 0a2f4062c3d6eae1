"""Results that others have published, as data: shown apart from measured rows, never ranked.

Each file of this folder is one source. No number here was computed by gdbench.
"""

from __future__ import annotations

from importlib import resources
from typing import Literal

from pydantic import Field, ValidationError

from gdbench.errors import GdbenchError
from gdbench.records import Strict


class Figure(Strict):
    """One published number."""

    model: str
    """Name of the model in words, e.g. `Stable Diffusion 2.1-base`."""
    task: str
    metric: str
    """Metric name as in the tasks' lists; fractions are in 0..1, bias is an effect size."""
    value: float
    n: int | None = Field(default=None, ge=1)
    """Number of items behind the number, where it is known."""
    note: str = ""


class Source(Strict):
    """One file: a source and its numbers."""

    schema_version: Literal[1]
    badge: Literal["reported"]
    source: str
    """Who published it and where, in words."""
    url: str
    year: int | None
    settings: str
    """Budget, precision and whatever else is known of the runs."""
    quoted: bool
    """Whether the numbers are quoted by a third party (not taken from their authors' files)."""
    figures: tuple[Figure, ...]


class PublishedResult(Strict):
    """A number together with its source."""

    badge: Literal["reported"]
    model: str
    task: str
    metric: str
    value: float
    n: int | None
    note: str
    source: str
    url: str
    year: int | None
    settings: str
    quoted: bool


def published_sources() -> tuple[Source, ...]:
    """All sources, by file name. Raises GdbenchError where a file is damaged."""
    found = []
    for file in sorted(resources.files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".json"):
            try:
                found.append(Source.model_validate_json(file.read_text(encoding="utf-8")))
            except ValidationError as error:
                first = error.errors()[0]
                raise GdbenchError(
                    f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
                ) from error
    return tuple(found)


def published_results() -> tuple[PublishedResult, ...]:
    """All published numbers with their sources, in the order of the files."""
    return tuple(
        PublishedResult(
            badge=source.badge,
            source=source.source,
            url=source.url,
            year=source.year,
            settings=source.settings,
            quoted=source.quoted,
            **figure.model_dump(),
        )
        for source in published_sources()
        for figure in source.figures
    )
