"""The files of lm-evaluation-harness: `results_*.json`, and `samples_*.jsonl` of each task.

Written for the programs that read these files, as version 0.4 of the harness writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import NormalDist
from typing import Any

from gdbench.interchange.finished_run import FinishedTask
from gdbench.metrics.measures import unit_of
from gdbench.numbers import SHARE
from gdbench.records import MetricValue

_FILTER = "none"
_QUANTILE = NormalDist().inv_cdf(0.975)


def stamp(tasks: Sequence[FinishedTask]) -> str:
    """The time in the names of the files, as the harness writes it."""
    return max(t.record.created for t in tasks).replace(":", "-")


def results(tasks: Sequence[FinishedTask], model: str) -> dict[str, Any]:
    """The content of `results_*.json`.

    The standard error is the half width of the 95 % interval over 1.96: ours are no multiples of a
    standard error, so it is near and not exact. "N/A", as the harness has it, where there is none.
    """
    first = tasks[0].record
    settings = first.settings.model_dump(mode="json", exclude_none=True, exclude={"timesteps"})
    limits = [t.record.task.limit for t in tasks if t.record.task.limit is not None]
    walls = [t.record.cost.wall_seconds for t in tasks]
    return {
        "results": {_name(t): _metrics(t) for t in tasks},
        "group_subtasks": {_name(t): [] for t in tasks},
        "configs": {_name(t): _config(t) for t in tasks},
        "versions": {_name(t): t.record.task.version for t in tasks},
        "n-shot": {_name(t): 0 for t in tasks},
        "higher_is_better": {
            _name(t): {m.name: True for m in t.metrics if _is_share(t, m)} for t in tasks
        },
        "n-samples": {
            _name(t): {"original": t.record.task.n_expected, "effective": t.record.task.n_items}
            for t in tasks
        },
        "config": {
            "model": "gdbench",
            "model_args": {"pretrained": model, **settings},
            "model_num_parameters": first.model.parameters,
            "model_dtype": first.settings.dtype,
            "model_revision": first.model.revision,
            "device": first.cost.device,
            "limit": limits[0] if limits else None,
            "bootstrap_iters": 0,
            "random_seed": first.settings.seed,
        },
        "git_hash": first.environment.git_commit,
        "date": datetime.fromisoformat(first.created).timestamp(),
        "gdbench_version": first.environment.gdbench,
        "model_source": "gdbench",
        "model_name": model,
        "total_evaluation_time_seconds": (
            str(sum(w for w in walls if w is not None)) if None not in walls else None
        ),
    }


def samples(task: FinishedTask) -> Iterator[dict[str, Any]]:
    """The lines of `samples_*.jsonl`: a line for each item, with its credits.

    No caption is in it: they belong to others. Raises InputError where the items are not at hand.
    """
    by_item: dict[str, dict[str, float]] = {}
    for metric, sample in task.samples().items():
        for name, value in zip(sample.ids, sample.expected.tolist(), strict=True):
            by_item.setdefault(name, {})[metric] = value
    for place, (label, scores) in enumerate(task.items()):
        values = by_item.get(label.id, {})
        yield {
            "doc_id": place,
            "doc": {"id": label.id, "subtask": label.subtask, "query": label.query.value},
            "target": json.dumps(list(label.gold)),
            "arguments": [[label.id, ""]],
            "resps": [[json.dumps(scores.matrix.tolist())]],
            "filtered_resps": [json.dumps(scores.matrix.tolist())],
            "filter": _FILTER,
            "metrics": list(values),
            **values,
        }


def _name(task: FinishedTask) -> str:
    return f"gdbench_{task.record.task.name}"


def _is_share(task: FinishedTask, metric: MetricValue) -> bool:
    return metric.strict is not None or unit_of(metric, task.task.measures) is SHARE


def _metrics(task: FinishedTask) -> dict[str, Any]:
    cells: dict[str, Any] = {"alias": _name(task)}
    for m in task.metrics:
        known = _is_share(task, m) and m.low is not None and m.high is not None
        error = (m.high - m.low) / (2 * _QUANTILE) if known else "N/A"  # type: ignore[operator] # known
        cells[f"{m.name},{_FILTER}"] = m.value
        cells[f"{m.name}_stderr,{_FILTER}"] = error
    return cells


def _config(task: FinishedTask) -> dict[str, Any]:
    info = task.record.task
    return {
        "task": _name(task),
        "dataset_path": f"gdbench-{info.name}",
        "dataset_name": info.suite,
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "metadata": {"version": info.version, "manifest_sha256": info.manifest_sha256},
    }
