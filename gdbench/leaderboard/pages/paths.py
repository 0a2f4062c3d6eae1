"""Addresses of pages and data: they never change for the same model, task and suite."""

from __future__ import annotations

from gdbench.leaderboard.words import file_name
from gdbench.records import ResultRecord


def model_page(slug: str) -> str:
    """Page of a model."""
    return f"models/{slug}.html"


def task_page(name: str) -> str:
    """Page of a task."""
    return f"tasks/{file_name(name)}.html"


def record_path(record: ResultRecord, slug: str) -> str:
    """A record: the model, the task, the suite and what else may differ."""
    task = record.task
    mode = record.settings.compat or task.compat
    parts = [file_name(task.name), file_name(task.suite)]
    parts += [mode] if mode else []
    parts += [f"limit{task.limit}"] if task.limit is not None else []
    return f"records/{slug}/{'.'.join(parts)}.json"
