"""All metrics of a run as comma-separated values: a row each, with what is needed to judge it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from gdbench.interchange.finished_run import FinishedTask
from gdbench.terminal import clean

HEADER = (
    "model", "revision", "family", "task", "task_version", "suite", "limit", "metric", "value",
    "low", "high", "n", "chance", "ties", "noise_se", "p_value", "samples", "created",
    "signature",
)  # fmt: skip


def table(tasks: Sequence[FinishedTask]) -> str:
    """The rows; values are in 0..1 (effect sizes in their own unit); empty: not known."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(HEADER)
    for task in tasks:
        record = task.record
        info, card, steps = record.task, record.model, record.settings.timesteps
        for m in task.metrics:
            cells = (
                card.name, card.revision, card.family, info.name, info.version, info.suite,
                info.limit, m.name, m.value, m.low, m.high, m.n, m.chance, m.ties, m.noise_se,
                m.p_value, None if steps is None else len(steps), record.created,
                record.signature,
            )  # fmt: skip
            writer.writerow(["" if c is None else clean(str(c)) for c in cells])
    return sink.getvalue()
