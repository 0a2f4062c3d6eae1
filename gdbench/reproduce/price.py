"""What the tables would take: passes, hours, disk and downloads, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gdbench.api.table import TextTable
from gdbench.data.check import layout_of
from gdbench.data.extras import EXTRAS, LORA, lora_home
from gdbench.data.loading import MISSING, default_root
from gdbench.data.status import part_states
from gdbench.models.diffusion_itm.schedule import grid_timesteps
from gdbench.models.kinds import KINDS, ModelEntry
from gdbench.numbers import count, size_in_bytes
from gdbench.records import ResultRecord
from gdbench.reproduce.plan import Job, Plan, jobs, missing
from gdbench.reproduce.recipe import PaperTable
from gdbench.tasks import published_of

STATED_RATE = 115.0
"""Passes a second of Stable Diffusion 2.1 at 512 pixels on an A100: diffusers' own figure."""
_BYTES_A_PARAMETER = 4
_BYTES_AN_ERROR = 4
_HOUR = 3600.0
_HEADERS = ("", "task", "items", "passes", "GPU hours")


@dataclass(frozen=True)
class JobPrice:
    """One run of one task."""

    table: str
    run: str
    task: str
    items: int
    passes: int
    hours: float
    log_bytes: int


@dataclass(frozen=True)
class Price:
    """Everything that is missing of some tables."""

    jobs: tuple[JobPrice, ...]
    rate: float
    stated: bool
    """Whether the rate is the stated one and not the user's."""
    downloads: tuple[str, ...]
    """A line for each model and each part of the data that is not here."""
    weights_bytes: int
    """Of the models that are not here, as far as their size is known."""
    data_bytes: int = 0
    """Of the files of data that are not here, as far as their size is known."""
    unknown: int = 0
    """How many models and parts of the data are of unknown size."""

    @property
    def passes(self) -> int:
        """Of all jobs."""
        return sum(job.passes for job in self.jobs)

    @property
    def hours(self) -> float:
        """Of all jobs, the network alone."""
        return self.passes / self.rate / _HOUR

    @property
    def log_bytes(self) -> int:
        """Of all score logs, before compression."""
        return sum(job.log_bytes for job in self.jobs)

    def table(self) -> TextTable:
        """A row for each job, and their sum."""
        rows = [
            (j.run, j.task, f"{j.items:,}", f"{j.passes:,}" if j.passes else "", _hours(j.hours))
            for j in self.jobs
        ]
        items = sum(job.items for job in self.jobs)
        rows.append(("all", "", f"{items:,}", f"{self.passes:,}", _hours(self.hours)))
        return TextTable(_HEADERS, tuple(rows), n_names=2)

    @property
    def notes(self) -> tuple[str, ...]:
        """Rate, disk and downloads, a line each."""
        whose = "diffusers' figure for an A100; give yours with --passes-per-second"
        rate = f"at {count(self.rate)} passes a second ({whose if self.stated else 'as given'})"
        return (
            f"time: {_hours(self.hours)} GPU hours {rate}, without the encoders",
            f"disk: score logs {size_in_bytes(self.log_bytes)} at most, weights "
            f"{size_in_bytes(self.weights_bytes)}, data {size_in_bytes(self.data_bytes)}, and "
            f"{self.unknown} downloads whose size is not known",
            *(f"to fetch: {text}" for text in self.downloads),
        )

    def markdown(self) -> str:
        """For a page."""
        return "\n\n".join((self.table().markdown(), *self.notes))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "passes": self.passes,
            "gpu_hours": self.hours,
            "passes_per_second": self.rate,
            "log_bytes": self.log_bytes,
            "weights_bytes": self.weights_bytes,
            "data_bytes": self.data_bytes,
            "of_unknown_size": self.unknown,
            "downloads": list(self.downloads),
            "jobs": [asdict(job) for job in self.jobs],
        }


def price(
    tables: Sequence[PaperTable],
    plan: Plan,
    runs: Sequence[tuple[Path, ResultRecord]] = (),
    root: Path | None = None,
    rate: float | None = None,
) -> Price:
    """The price of what no finished run has; reads neither data nor weights.

    `rate`: passes a second, the user's own. Raises GdbenchError for a model that is none.
    """
    speed = rate or STATED_RATE
    seen: set[Job] = set()
    found = []
    for table in tables:
        for job in missing([job for _, job in jobs(table, plan)], runs):
            if job not in seen:
                seen.add(job)
                found.append(_price(table, job, speed))
    fetched = [*_weights({job.entry.name: job.entry for job in seen}.values())]
    here = default_root() if root is None else root
    for task in sorted({job.task for job in seen}):
        fetched += _data(task, here)
    return Price(
        tuple(found), speed, rate is None, tuple(one.text for one in fetched),
        weights_bytes=sum(one.size or 0 for one in fetched if one.weights),
        data_bytes=sum(one.size or 0 for one in fetched if not one.weights),
        unknown=sum(one.size is None for one in fetched),
    )  # fmt: skip


@dataclass(frozen=True)
class _Download:
    """Something that is not here."""

    text: str
    size: int | None
    weights: bool = False


def _weights(entries: Iterable[ModelEntry]) -> Iterator[_Download]:
    """The weights that are not here, each source once, and the paper's LoRAs."""
    loras: set[str] = set()
    sources: dict[str, list[ModelEntry]] = {}
    for entry in entries:
        if KINDS.get(entry.kind).is_here(entry):
            continue
        sources.setdefault(entry.source, []).append(entry)
        if entry.lora and not Path(entry.lora).exists():
            loras.add(entry.lora)
    for source, models in sources.items():
        names = ", ".join(entry.name for entry in models)
        n = models[0].parameters
        yield _Download(
            f"model {names}: {source}", None if n is None else n * _BYTES_A_PARAMETER, weights=True
        )
    for file in EXTRAS[LORA].downloads:
        if any(Path(file.target).parts[0] in name for name in loras) and not file.is_here(
            lora_home()
        ):
            yield _Download(f"LoRA: {file.url} ({file.about})", file.size, weights=True)


def _price(table: PaperTable, job: Job, rate: float) -> JobPrice:
    counted, passes = job.counted(), job.passes()
    steps = 0 if job.steps is None else len(grid_timesteps(job.steps))
    log = _BYTES_AN_ERROR * (counted.pairs * max(1, steps) + counted.compared * steps)
    return JobPrice(
        table.name, job.folder, job.task, counted.items, passes, passes / rate / _HOUR, log
    )


def _data(task: str, root: Path) -> Iterator[_Download]:
    """What of a task's data is not here."""
    entry = published_of(task)
    if layout_of(task, root, entry) != MISSING:
        return
    sizes = {file.url: file.size for file in entry.downloads}
    for state in part_states(task, root, entry):
        about = f" ({state.about})" if state.about else ""
        how = ", by hand" if state.access == "by hand" else ""
        if not state.here:
            yield _Download(f"{task}{how}: {state.source}{about}", sizes.get(state.source))


def _hours(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value else ""  # noqa: PLR2004 # digits
