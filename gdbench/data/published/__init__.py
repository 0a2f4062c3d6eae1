"""Results that others have published, as data: shown apart from measured rows, never ranked.

Each file of this folder is one source. No number here was computed by gdbench.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from gdbench.errors import GdbenchError, InputError, UnknownNameError
from gdbench.records import Strict

_ROUNDING = 5.1e-5  # values have four decimals


Direction = Literal["text", "image", "matching", "association"]
"""What is looked for: a text of a picture, a picture of a text, pairs, or two groups' distance."""
Normalised = Literal["none", "minus", "ratio"]
"""What was done with the error under the empty prompt: nothing, subtracted, divided by."""


class Figure(Strict):
    """One published number. Raises ValidationError where its value is not `right` of `n`."""

    model: str
    """Name of the model in words, e.g. `Stable Diffusion 2.1-base`."""
    task: str
    metric: str
    """Metric name as in the tasks' lists; fractions are in 0..1, bias is an effect size."""
    value: float
    direction: Direction
    n: int | None = Field(default=None, ge=1)
    """Number of items behind the number, where it is known; `repeated` ones are among them."""
    right: int | None = Field(default=None, ge=0)
    """Number of right items, where the printed digits leave one only."""
    repeated: int | None = Field(default=None, ge=1)
    """Items that a run over several GPUs counted twice to fill its last batches."""
    ties: int | None = Field(default=None, ge=0)
    """Items with more than one best candidate."""
    normalised: Normalised | None = None
    """Of diffusion models, where it is known."""
    file: str = ""
    """Name of the raw result file in the source, where it is known."""
    note: str = ""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.right is not None and (
            self.n is None or abs(self.right / self.n - self.value) > _ROUNDING
        ):
            raise ValueError(f"{self.value} is not {self.right} of {self.n}")
        return self


class Runtime(Strict):
    """How long something took, as published."""

    model: str
    task: str
    subtask: str
    minutes: float = Field(gt=0)
    samples: int | None
    """Timesteps of each image-text pair; None: the model has none."""
    device: str
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
    steps: int | None = Field(default=None, ge=1)
    """Timesteps that were asked for, of the diffusion models; None: not known, or several."""
    quoted: bool
    """Whether the numbers are quoted by a third party (not taken from their authors' files)."""
    figures: tuple[Figure, ...]
    runtimes: tuple[Runtime, ...] = ()


class PublishedResult(Figure):
    """A number together with its source."""

    badge: Literal["reported"]
    source: str
    url: str
    year: int | None
    settings: str
    steps: int | None
    quoted: bool


def published_source(name: str) -> Source:
    """The source in the file `name`.json of this folder.

    Raises UnknownNameError where there is none, GdbenchError where it is damaged.
    """
    file = resources.files(__name__) / f"{name}.json"
    if not file.is_file():
        raise UnknownNameError(f"no published figures {name!r}")
    return _read(file)


def _read(file: Traversable) -> Source:
    try:
        return Source.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        raise GdbenchError(
            f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise GdbenchError(f"{file.name}: cannot be read ({type(error).__name__})") from error


def sources_in(folder: Path) -> tuple[Source, ...]:
    """The sources in the JSON files of a folder, by file name, as `gdbench import` writes them.

    Raises InputError where there are none, GdbenchError where a file is damaged.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder}: no reported numbers (*.json, see `gdbench import`)")
    return tuple(map(_read, files))


def published_sources() -> tuple[Source, ...]:
    """All sources, by file name. Raises GdbenchError where a file is damaged."""
    names = sorted(file.name for file in resources.files(__name__).iterdir())
    return tuple(
        published_source(name.removesuffix(".json")) for name in names if name.endswith(".json")
    )


def published_results() -> tuple[PublishedResult, ...]:
    """All published numbers with their sources, in the order of the files."""
    return tuple(
        PublishedResult(
            badge=source.badge,
            source=source.source,
            url=source.url,
            year=source.year,
            settings=source.settings,
            steps=source.steps,
            quoted=source.quoted,
            **figure.model_dump(),
        )
        for source in published_sources()
        for figure in source.figures
    )
