"""The ablation's table: abilities by kind of negatives, and differences to the base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gdbench.finetune.effects import Effect, by_ability
from gdbench.metrics.measures import Sample
from gdbench.numbers import SHARE, interval_text, value_text
from gdbench.submissions import results
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.tasks.base import Task

LABELS = {
    "none": "+ no negatives",
    "random-text": "+ random text",
    "hard-text": "+ hard text",
    "hard-image": "+ hard image",
    "mixed": "+ mixed",
}
Table = Mapping[str, Sequence[Effect]]


def samples_of(run: Path, tasks: Sequence[Task]) -> dict[str, Sample]:
    """Per-item credits of a finished run: one sample for every mean over items, `task/metric`.

    Raises InputError where a task is not finished or a file is damaged.
    """
    found = {}
    for task in tasks:
        finished = open_finished(run / task.name, ManifestSource())
        matrices = [scores.matrix for scores in finished.scores]
        for name, values in results.samples_of(task, finished.labels, matrices).items():
            found[f"{task.name}/{name}"] = values
    return found


def markdown(base_name: str, base: Mapping[str, Sample], table: Table, note: str) -> str:
    """The table, shaped like the paper's Table 2: a row for each kind, a column for each ability.

    Its last row is what could have been found: the largest of the column.
    """
    reference = by_ability(base)
    rows = {
        "": list(reference),
        "items": [str(len(s.ids)) for s in reference.values()],
        "chance": [value_text(s.mean(s.chance), SHARE) for s in reference.values()],
        base_name: [value_text(s.mean(s.expected), SHARE) for s in reference.values()],
        **{
            LABELS.get(kind, kind): [_cell(one) for one in effects]
            for kind, effects in table.items()
        },
        "found with 80 %": [
            value_text(max(one.detectable for one in column), SHARE)
            for column in zip(*table.values(), strict=True)
        ],
    }
    lines = [f"| {' | '.join((name, *cells))} |" for name, cells in rows.items()]
    lines.insert(1, "| --- |" + " ---: |" * len(reference))
    seeds = {len(one.by_seed) for effects in table.values() for one in effects}
    lines += [
        "",
        f"In percent, means over {'/'.join(map(str, sorted(seeds)))} seeds; in brackets the "
        f"difference to {base_name} with its 95 % interval over items and seeds (paired by item, "
        "by cluster, with the variance between seeds). An asterisk marks differences whose "
        "p-value, adjusted over the whole table (Holm), is at most 0.05. The last row is the "
        "smallest true difference that a test at 5 %, before that adjustment, finds with a "
        "probability of 80 %, for the kind of the column where that is largest.",
        "",
        note,
        "",
    ]
    return "\n".join(lines)


def as_json(base: Mapping[str, Sample], table: Table) -> dict[str, Any]:
    """All numbers of the table."""
    return {
        "base": {name: s.mean(s.expected) for name, s in by_ability(base).items()},
        "chance": {name: s.mean(s.chance) for name, s in by_ability(base).items()},
        "effects": {kind: [asdict(one) for one in effects] for kind, effects in table.items()},
    }


def _cell(effect: Effect) -> str:
    moved = value_text(effect.difference, SHARE, difference=True)
    interval = interval_text(effect.low, effect.high, SHARE, difference=True)
    star = " *" if effect.significant else ""
    return f"{value_text(effect.tuned, SHARE)} ({moved}, {interval}){star}"
