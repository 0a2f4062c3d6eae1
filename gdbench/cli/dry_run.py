"""`gdbench evaluate --dry-run`: what a run would take, with or without weights and data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gdbench.errors import DataProblemsError, InputError
from gdbench.numbers import count, seconds, size_in_bytes
from gdbench.progress import waiting
from gdbench.protocol import Item
from gdbench.run import Conditions, ModelRequest, Where
from gdbench.terminal import Table, kept_for_the_answer, line, show

if TYPE_CHECKING:
    from gdbench.models.diffusion_itm.cost import Estimate
    from gdbench.models.kinds import ModelEntry
    from gdbench.tasks.base import Task
    from gdbench.tasks.counting import Counted


@dataclass(frozen=True)
class Size:
    """One task: its size, and its items where they are here."""

    task: str
    counted: Counted
    items: list[Item] | None
    why: str
    """Why it was counted from what is published; empty where it was not."""


@dataclass(frozen=True)
class Forecast:
    """What a run would take."""

    model: str
    sizes: tuple[Size, ...]
    timesteps: int
    normalise: bool
    probe: Estimate | None
    """Measured on the model, where it is here."""
    rate: float | None
    """Passes a second, where they were given or measured."""
    processes: int | None = 1
    """That share the work; None: nobody knows how many."""

    @property
    def total(self) -> Counted:
        """All tasks together."""
        from gdbench.tasks.counting import Counted

        return sum((size.counted for size in self.sizes), Counted())

    @property
    def complete(self) -> bool:
        """Whether every item was at hand."""
        return all(size.items is not None for size in self.sizes)

    def passes(self, counted: Counted) -> int:
        """Network passes of a part of the run."""
        return counted.passes(self.timesteps, normalise=self.normalise)

    @property
    def seconds(self) -> float | None:
        """With the encoders' time where all items were at hand; None: no rate is known."""
        if self.probe is not None and self.complete:
            return self.probe.seconds
        return None if self.rate is None else self.passes(self.total) / self.rate

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        measured = self.probe.as_dict() if self.probe is not None and self.complete else {}
        return {
            **measured,
            "items": self.total.items,
            "pairs": self.total.pairs,
            "passes": self.passes(self.total),
            "timesteps": self.timesteps,
            "seconds_per_pass": None if self.rate is None else 1 / self.rate,
            "seconds": self.seconds,
            "processes": self.processes,
            "tasks": [
                {
                    "name": size.task,
                    "items": size.counted.items,
                    "pairs": size.counted.pairs,
                    "passes": self.passes(size.counted),
                    "counted_from": "items" if size.items is not None else "catalogue",
                }
                for size in self.sizes
            ],
        }

    def print(self) -> None:
        """As a table and lines."""
        table = Table()
        table.add_column("task")
        for name in ("items", "pairs", "passes"):
            table.add_column(name, justify="right")
        rows = [(size.task, size.counted) for size in self.sizes]
        for name, n in (*rows, ("all", self.total)):
            table.add_row(name, f"{n.items:,}", f"{n.pairs:,}", f"{self.passes(n):,}")
        show(table)
        reasons = {size.why for size in self.sizes if size.why}
        for why in sorted(reasons):
            names = ", ".join(size.task for size in self.sizes if size.why == why)
            line(f"counted as published: {names} ({why})")
        if self.seconds is None or self.rate is None:
            line(
                f"time: not measured, the weights of {self.model} are not here; give "
                "--passes-per-second (`gdbench bench` measures it)"
            )
        else:
            line(f"time: {seconds(self.seconds)}, {count(self.rate)} passes a second")
            if self.processes is None:
                line("time of one worker; how many there will be is not known without --workers")
            elif self.processes > 1:
                each = seconds(self.seconds / self.processes)
                line(f"by {self.processes} processes as fast as this one: {each} each")
        if self.probe is not None:
            line(f"batches of {self.probe.batch_size}")
            line(f"memory: {size_in_bytes(self.probe.memory_bytes)}")
            if self.complete:
                line(f"pictures, texts: {self.probe.images:,}, {self.probe.texts:,}")
                line(f"score log, at most: {size_in_bytes(self.probe.disk_bytes)}")


def dry_run(
    request: ModelRequest,
    where: Where,
    sizes: Sequence[Size],
    *,
    rate: float | None = None,
    processes: int | None = 1,
    as_json: bool = False,
) -> None:
    """Print what a run would take; see `forecast_of`."""
    forecast = replace(forecast_of(request, where, sizes, rate=rate), processes=processes)
    if as_json:
        typer.echo(json.dumps(forecast.as_dict(), indent=2))
    else:
        forecast.print()


def is_diffusion(request: ModelRequest) -> bool:
    """Whether a forecast can be made of the model."""
    from gdbench.models.kinds import ModelEntry
    from gdbench.models.loading import resolve
    from gdbench.models.own import is_file_spec

    found = None if is_file_spec(request.model) else resolve(request.model)
    return isinstance(found, ModelEntry) and found.kind == "diffusion-itm"


def forecast_of(
    request: ModelRequest, where: Where, sizes: Sequence[Size], *, rate: float | None = None
) -> Forecast:
    """What a run would take; with `rate`, passes a second, nothing is measured.

    Raises InputError for a model that is no diffusion model.
    """
    from gdbench.models.diffusion_itm.adapter import timesteps_of

    entry = _entry(request)
    probe = None
    if rate is None and _is_here(entry):
        items = [item for size in sizes for item in size.items or ()]
        probe = _probe(request, where, items)
        rate = 1 / probe.seconds_per_pass
    return Forecast(
        entry.name,
        tuple(sizes),
        len(timesteps_of(request.settings)),
        request.settings.normalise is not False,
        probe,
        rate,
    )


def sizes_of(
    tasks: Sequence[Task], asked: Conditions, root: Path | None, *, allow_partial: bool = False
) -> list[Size]:
    """The size of each task, from its items or, where they are not here, as published.

    Raises InputError for a task of unknown size.
    """
    from gdbench.tasks.base import limited
    from gdbench.tasks.counting import of_items, of_published

    sizes = []
    for task in tasks:
        try:
            found = task.items(asked.suite, root, asked.compat, allow_partial=allow_partial)
            items = list(limited(found, asked.limit, asked.item_seed))
        except (InputError, DataProblemsError) as error:
            known = of_published(task, asked.suite, asked.compat, asked.limit)
            sizes.append(Size(task.name, known, None, _reason(error)))
        else:
            sizes.append(Size(task.name, of_items(items), items, ""))
    return sizes


def _reason(error: Exception) -> str:
    """Why data cannot be read, without the advice that follows."""
    return str(error).partition("; ")[0].partition(": give")[0]


def _entry(request: ModelRequest) -> ModelEntry:
    """What is known of the model. Raises InputError for one that is no diffusion model."""
    from gdbench.models.kinds import ModelEntry
    from gdbench.models.loading import resolve

    found = resolve(request.model)
    if not isinstance(found, ModelEntry) or found.kind != "diffusion-itm":
        name = found.name if isinstance(found, ModelEntry) else request.model
        raise InputError(f"--dry-run estimates diffusion models, and {name} is none")
    return found


def _is_here(entry: ModelEntry) -> bool:
    from gdbench.models.kinds import KINDS

    return KINDS.get(entry.kind).is_here(entry)


def _probe(request: ModelRequest, where: Where, items: list[Item]) -> Estimate:
    from gdbench.models import load_request
    from gdbench.models.diffusion_itm.adapter import DiffusionITM
    from gdbench.models.diffusion_itm.cost import estimate

    with kept_for_the_answer():
        model = load_request(request, where)
    if not isinstance(model, DiffusionITM):
        raise InputError(f"--dry-run estimates diffusion models, and {model.card.name} is none")
    with waiting("measuring"):
        return estimate(model, items)
