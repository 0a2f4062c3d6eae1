"""The ablation's table: task scores by kind of negatives, and differences to the base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gdbench.metrics.adjust import holm
from gdbench.metrics.measures import Sample, merge
from gdbench.metrics.paired import PairedDifference, paired_difference
from gdbench.numbers import SHARE, interval_text, value_text
from gdbench.submissions import results
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.tasks.base import Task

MEAN = "mean"
LABELS = {
    "none": "+ no negatives",
    "random-text": "+ random text",
    "hard-text": "+ hard text",
    "hard-image": "+ hard image",
    "mixed": "+ mixed",
}


def samples_of(run: Path, tasks: Sequence[Task]) -> dict[str, Sample]:
    """Per-item credits of a finished run: one sample for every primary metric of every task.

    Raises InputError where a task is not finished or a file is damaged.
    """
    found = {}
    for task in tasks:
        finished = open_finished(run / task.name, ManifestSource())
        matrices = [scores.matrix for scores in finished.scores]
        for name, values in results.samples_of(task, finished.labels, matrices).items():
            if name in task.primary:
                found[f"{task.name}/{name}"] = values
    return found


def averaged(runs: Sequence[Sample]) -> Sample:
    """One sample with every item's mean credit over runs of several seeds.

    Raises ValueError where the runs are not of the same items.
    """
    first = runs[0]
    if any(run.ids != first.ids for run in runs):
        raise ValueError("the runs are not of the same items")
    return replace(
        first,
        expected=np.mean([run.expected for run in runs], axis=0),
        strict=np.mean([run.strict for run in runs], axis=0),
        lenient=np.mean([run.lenient for run in runs], axis=0),
        release=np.mean([run.release for run in runs], axis=0),
        tied=np.any([run.tied for run in runs], axis=0),
    )


@dataclass(frozen=True)
class Row:
    """One kind of negatives against the base model."""

    negatives: str
    seeds: int
    columns: dict[str, PairedDifference]  # by metric, and `mean` over all of them
    by_seed: dict[str, tuple[float, ...]]


def with_mean(samples: Mapping[str, Sample]) -> dict[str, Sample]:
    """The samples, and one whose value is the mean of theirs."""
    return {**samples, MEAN: merge(samples)}


def rows(
    base: Mapping[str, Sample], variants: Mapping[str, Sequence[Mapping[str, Sample]]]
) -> list[Row]:
    """Differences of every variant (kind -> samples of each seed) to the base model.

    Credits are averaged over seeds item by item, then compared item by item; intervals resample
    clusters of items, so they hold for these seeds. p-values are adjusted over all cells (Holm).
    """
    reference = with_mean(base)
    found = []
    for kind, runs in variants.items():
        complete = [with_mean(run) for run in runs]
        columns = {
            name: paired_difference(name, averaged([run[name] for run in complete]), one)
            for name, one in reference.items()
        }
        by_seed = {
            name: tuple(run[name].mean(run[name].expected) for run in complete)
            for name in reference
        }
        found.append(Row(kind, len(runs), columns, by_seed))
    every = [cell for row in found for cell in row.columns.values()]
    adjusted = iter(holm([cell.p_value for cell in every]))
    return [
        replace(
            row,
            columns={n: replace(c, p_holm=next(adjusted)) for n, c in row.columns.items()},
        )
        for row in found
    ]


def markdown(base_name: str, base: Mapping[str, Sample], table: Sequence[Row], note: str) -> str:
    """The table, shaped like the paper's Table 2: a row for each kind, a column for each metric."""
    reference = with_mean(base)
    names = list(reference)
    lines = [
        "| | " + " | ".join(name.replace("/", " ").replace("_", " ") for name in names) + " |",
        "| --- |" + " ---: |" * len(names),
        "| chance | "
        + " | ".join(value_text(s.mean(s.chance), SHARE) for s in reference.values())
        + " |",
        f"| {base_name} | "
        + " | ".join(value_text(s.mean(s.expected), SHARE) for s in reference.values())
        + " |",
    ]
    lines += [
        f"| {LABELS.get(row.negatives, row.negatives)} ({row.seeds} seeds) | "
        + " | ".join(_cell(row.columns[name]) for name in names)
        + " |"
        for row in table
    ]
    lines += [
        "",
        f"In percent; in brackets the difference to {base_name} with its 95 % interval over "
        "items (paired, clustered bootstrap). An asterisk marks differences whose p-value, "
        "adjusted over the whole table (Holm), is at most 0.05.",
        "",
        note,
        "",
    ]
    return "\n".join(lines)


def as_json(base: Mapping[str, Sample], table: Sequence[Row]) -> dict[str, Any]:
    """All numbers of the table."""
    return {
        "base": {name: s.mean(s.expected) for name, s in with_mean(base).items()},
        "chance": {name: s.mean(s.chance) for name, s in with_mean(base).items()},
        "rows": [asdict(row) for row in table],
    }


def _cell(difference: PairedDifference) -> str:
    moved = value_text(difference.difference, SHARE, difference=True)
    interval = interval_text(difference.low, difference.high, SHARE, difference=True)
    star = " *" if difference.significant() else ""
    inside = ", ".join(part for part in (moved, interval) if part)
    return f"{value_text(difference.first, SHARE)} ({inside}){star}"
