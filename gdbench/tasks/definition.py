"""What a task says of itself, written into a record and read back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gdbench.errors import GdbenchError, InputError
from gdbench.metrics.matching import Credits
from gdbench.metrics.measures import AllAbove, AnyMeasure, EffectSize, PairMatching, Recall, unit_of
from gdbench.numbers import Unit
from gdbench.protocol import Label, Matrix, Query
from gdbench.records import MeasureInfo, ResultRecord, TaskDefinition, TaskInfo
from gdbench.tasks.base import Task

_KINDS: Mapping[str, type[Recall | AllAbove | PairMatching | EffectSize]] = {
    "recall": Recall,
    "all-above": AllAbove,
    "matching": PairMatching,
    "effect": EffectSize,
}


@dataclass(frozen=True)
class ForeignMeasure:
    """A measure of somebody's own, of which only name and unit are known here."""

    name: str
    kind: str
    unit: Unit
    smallest_part: int = 1

    def part_of(self, label: Label) -> str | None:  # noqa: ARG002 # same call for all measures
        """Raises GdbenchError: its code is not here."""
        raise self._missing()

    def credits(self, query: Query, gold: NDArray[np.int64], matrices: Matrix) -> Credits:  # noqa: ARG002 # as above
        """Raises GdbenchError: its code is not here."""
        raise self._missing()

    def chance(self, label: Label) -> float:  # noqa: ARG002 # as above
        """Raises GdbenchError: its code is not here."""
        raise self._missing()

    def _missing(self) -> GdbenchError:
        return GdbenchError(f"measure {self.name} is a {self.kind}, whose code is not here")


def define(task: Task) -> TaskDefinition:
    """The definition of a task. Raises InputError where what it says is no text."""
    try:
        return TaskDefinition(
            title=task.title,
            description=task.description,
            kind="bias" if task.kind == "bias" else "extra",
            primary=task.primary,
            measures=tuple(map(_info, task.measures)),
            license=task.license,
            citation=task.citation,
            url=task.url,
            notes=task.notes,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Input should be ")
        raise InputError(
            f"task {task.name}: {name} is {str(first['input'])[:80]!r}: expected {said}"
        ) from None


def _info(measure: AnyMeasure) -> MeasureInfo:
    for kind, cls in _KINDS.items():
        if type(measure) is cls:
            values = {f.name: getattr(measure, f.name) for f in fields(cls) if f.name != "name"}
            plain: dict[str, Any] = {
                name: tuple(sorted(value)) if isinstance(value, frozenset) else value
                for name, value in values.items()
            }
            return MeasureInfo(name=measure.name, kind=kind, unit=measure.unit, arguments=plain)
    cls_name = f"{type(measure).__module__}.{type(measure).__qualname__}"
    return MeasureInfo(name=measure.name, kind=cls_name, unit=measure.unit)


def task_of(definition: TaskDefinition, info: TaskInfo) -> Task:
    """The task of a record, without items. Raises InputError where the definition is none."""
    return Task(
        name=info.name,
        version=info.version,
        title=definition.title,
        description=definition.description,
        measures=tuple(map(_measure, definition.measures)),
        primary=definition.primary,
        sources={},
        expected={info.suite: {"": info.n_expected}},
        kind=definition.kind,
        license=definition.license,
        citation=definition.citation,
        url=definition.url,
        notes=definition.notes,
    )


def _measure(info: MeasureInfo) -> AnyMeasure:
    cls = _KINDS.get(info.kind)
    if cls is None:
        return ForeignMeasure(info.name, info.kind, info.unit)
    arguments: dict[str, Any] = dict(info.arguments)
    if "exclude_tags" in arguments:
        arguments["exclude_tags"] = frozenset(arguments["exclude_tags"])
    try:
        return cls(info.name, **arguments)
    except TypeError as error:
        raise InputError(f"measure {info.name!r} is no {info.kind}: {error}") from error


def unknown_task(record: ResultRecord) -> Task:
    """A task of which nothing is known but what its record holds.

    Its metrics are shown in the units that follow from their values; those whose mean is the
    record's score cannot be told.
    """
    info = record.task
    measures = tuple(ForeignMeasure(m.name, "measure", unit_of(m, ())) for m in record.metrics)
    return Task(
        name=info.name,
        version=info.version,
        title=info.name,
        description="A task that this version of gdbench does not know.",
        measures=measures,
        primary=(),
        sources={},
        expected={info.suite: {"": info.n_expected}},
        kind="extra",
    )
