"""Every Eval Ever: one file of results for a run, and a file with a line for each item and metric.

Schema 0.3.0 (`eval.schema.json`, `instance_level_eval.schema.json` of the package every-eval-ever).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gdbench.interchange.finished_run import SCORE, FinishedTask
from gdbench.metrics.measures import unit_of
from gdbench.numbers import MAGNITUDE, SHARE
from gdbench.protocol import Label, Query, Scores
from gdbench.records import MetricValue
from gdbench.tasks.base import BUNDLED

SCHEMA = "0.3.0"
COLLECTION = "gdbench"
Relationship = Literal["first_party", "third_party", "collaborative", "other"]


@dataclass(frozen=True)
class About:
    """What a record does not say of who evaluated what."""

    model: str
    """`OWNER/NAME`."""
    organization: str
    """Who ran the evaluation."""
    relationship: Relationship
    """Of the evaluator to the model."""


def identifier(tasks: Sequence[FinishedTask], about: About) -> str:
    """The evaluation's id: the same run has the same one."""
    return f"{COLLECTION}/{about.model}/{_epoch(_newest(tasks))}"


def file_name(tasks: Sequence[FinishedTask], about: About) -> str:
    """A UUID of version 4 that follows from the scores: the same run has the same one."""
    digest = hashlib.sha256(identifier(tasks, about).encode())
    for task in tasks:
        digest.update(task.record.scores_sha256.encode())
    return str(uuid.UUID(bytes=digest.digest()[:16], version=4))


def folder(about: About) -> str:
    """Where the two files belong in the public data store."""
    return f"data/{COLLECTION}/{about.model}"


def aggregate(tasks: Sequence[FinishedTask], about: About, samples: bytes | None) -> dict[str, Any]:
    """The file of results; `samples` are the bytes of the other file, None where there is none."""
    first = tasks[0].record
    known = first.model.license or "not stated"
    content: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": identifier(tasks, about),
        "evaluation_timestamp": _newest(tasks),
        "retrieved_timestamp": _epoch(_newest(tasks)),
        "source_metadata": {
            "source_name": "gdbench",
            "source_type": "evaluation_run",
            "source_organization_name": about.organization,
            "evaluator_relationship": about.relationship,
        },
        "eval_library": {"name": "gdbench", "version": first.environment.gdbench},
        "model_info": {
            "name": first.model.name,
            "id": about.model,
            "developer": about.model.partition("/")[0],
            "inference_engine": {"name": "gdbench", "version": first.environment.gdbench},
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "unknown",
                "revision": first.model.revision,
                "license": known,
                "family": first.model.family,
            },
        },
        "evaluation_results": [r for task in tasks for r in _results(task)],
    }
    if samples is not None:
        content["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{folder(about)}/{file_name(tasks, about)}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(samples).hexdigest(),
            "total_rows": samples.count(b"\n"),
        }
    return content


def instances(tasks: Sequence[FinishedTask], about: About) -> Iterator[dict[str, Any]]:
    """A line for each item and primary metric (bias: none), of tasks whose items are at hand."""
    whole = identifier(tasks, about)
    for task in (t for t in tasks if t.has_items):
        samples = task.samples()
        by_id = {label.id: (label, scores) for label, scores in task.items()}
        for metric in task.task.primary:
            sample = samples.get(metric)
            if sample is None:
                continue
            for name, credit in zip(sample.ids, sample.expected.tolist(), strict=True):
                label, scores = by_id[name]
                yield {
                    "schema_version": SCHEMA,
                    "evaluation_id": whole,
                    "model_id": about.model,
                    "evaluation_name": _name(task),
                    "evaluation_result_id": _result_id(task, metric),
                    **_answer(task, label, scores),
                    "evaluation": {"score": credit, "is_correct": credit == 1.0},
                }


def _answer(task: FinishedTask, label: Label, scores: Scores) -> dict[str, Any]:
    """The question and the answer of an item; no caption and no picture, which are others'."""
    info = task.record.task
    question = (
        f"{info.name}@{info.version}, item {label.id}: {label.query.value} of "
        f"{label.n_images} pictures and {label.n_texts} texts"
    )
    right = [str(g) for g in label.gold]
    digest = hashlib.sha256((question + json.dumps(right)).encode()).hexdigest()
    return {
        "sample_id": label.id,
        "sample_hash": digest,
        "interaction_type": "single_turn",
        "input": {"raw": question, "reference": right, "choices": _choices(label)},
        "output": {"raw": [json.dumps(scores.matrix.tolist())]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": _chosen(label, scores),
                "extraction_method": "largest score",
                "is_terminal": True,
            }
        ],
        "metadata": {"subtask": label.subtask, "cluster": label.cluster},
    }


def _choices(label: Label) -> list[str]:
    n = label.n_images if label.query is Query.IMAGE_RETRIEVAL else label.n_texts
    return [str(k) for k in range(n)]


def _chosen(label: Label, scores: Scores) -> str:
    """The place of the best candidate; for pairs, that of each picture."""
    axis = 0 if label.query is Query.IMAGE_RETRIEVAL else 1
    return ",".join(str(k) for k in scores.matrix.argmax(axis=axis).tolist())


def _results(task: FinishedTask) -> Iterator[dict[str, Any]]:
    for m in task.metrics:
        yield {
            "evaluation_result_id": _result_id(task, m.name),
            "evaluation_name": _name(task),
            "source_data": _source(task),
            "evaluation_timestamp": task.record.created,
            "metric_config": _metric(task, m),
            "score_details": _score(task, m),
        }


def _metric(task: FinishedTask, m: MetricValue) -> dict[str, Any]:
    about: dict[str, Any] = {
        "metric_id": f"gdbench.{task.record.task.name}.{m.name}",
        "metric_name": m.name.replace("_", " "),
        "score_type": "continuous",
    }
    if m.name == SCORE:
        about["evaluation_description"] = "mean of " + ", ".join(task.task.primary)
    if m.name == SCORE or unit_of(m, task.task.measures) is SHARE:
        return about | {
            "metric_kind": "accuracy", "metric_unit": "proportion", "lower_is_better": False,
            "min_score": 0.0, "max_score": 1.0,
        }  # fmt: skip
    size = unit_of(m, task.task.measures) is MAGNITUDE
    return about | {
        "metric_kind": "effect_size",
        "metric_unit": "standard deviations",
        # of a signed effect neither direction is better: the sign says which group it favours
        "lower_is_better": size,
        "min_score": 0.0 if size else "-Infinity",
        "max_score": "Infinity",
    }


def _score(task: FinishedTask, m: MetricValue) -> dict[str, Any]:
    details = {
        "chance": m.chance, "ties": m.ties, "strict": m.strict, "lenient": m.lenient,
        "noise_se": m.noise_se, "p_value": m.p_value, "n_clusters": m.n_clusters,
        "signature": task.record.signature,
    }  # fmt: skip
    uncertainty: dict[str, Any] = {"num_samples": m.n}
    if m.low is not None and m.high is not None:
        uncertainty["confidence_interval"] = {
            "lower": m.low, "upper": m.high, "confidence_level": 0.95,
            "method": "over items, clustered (gdbench, docs/statistics.md)",
        }  # fmt: skip
    return {
        "score": m.value,
        "details": {k: str(v) for k, v in details.items() if v is not None},
        "uncertainty": uncertainty,
    }


def _source(task: FinishedTask) -> dict[str, Any]:
    info = task.record.task
    details = {
        "suite": info.suite, "task_version": info.version, "n_items": str(info.n_items),
        "n_expected": str(info.n_expected), "manifest_sha256": info.manifest_sha256,
    }  # fmt: skip
    about = {"dataset_name": f"GDBench {info.name} ({info.suite})", "additional_details": details}
    if info.suite not in BUNDLED and task.task.url:
        return about | {"source_type": "url", "url": [task.task.url]}
    return about | {"source_type": "other"}


def _name(task: FinishedTask) -> str:
    return f"gdbench.{task.record.task.name}"


def _result_id(task: FinishedTask, metric: str) -> str:
    return f"{task.record.task.name}/{metric}"


def _newest(tasks: Sequence[FinishedTask]) -> str:
    return max(t.record.created for t in tasks)


def _epoch(created: str) -> str:
    return str(int(datetime.fromisoformat(created).timestamp()))
