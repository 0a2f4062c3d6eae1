"""The questions of a task, as far as verification needs them.

A manifest is made from the task's items (the mini suite always, the full suite with its data), or
read from a pinned file, which holds labels and fingerprints but no pictures and no captions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from gdbench.errors import GdbenchError, InputError
from gdbench.records import Compat
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import read_bytes
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task
from gdbench.tasks.manifest import Pinned

SHIPPED = Path(__file__).parent / "pinned"
"""Pinned manifests that come with the package, `<task>/<suite>.parquet`; there need be none."""
_MAX_BYTES = 50_000_000  # the largest task has 50 000 items


class Manifest(Pinned):
    """A manifest that a stranger may have written."""

    @classmethod
    def load(cls, path: Path, most_bytes: int = _MAX_BYTES) -> Self:
        """A pinned manifest. Raises InputError where it cannot be read."""
        try:
            return cls.parse(read_bytes(path, most_bytes), path)
        except Rejected as rejected:
            raise InputError(f"{path} {rejected.problem}") from rejected


def pinned_name(suite: str, compat: Compat | None) -> str:
    """File name of a pinned manifest in `<manifests>/<task>/`."""
    return f"{suite}{'+' + compat if compat else ''}.parquet"


@dataclass(frozen=True)
class ManifestSource:
    """Where manifests come from: a folder of pinned ones, the data root, or those shipped."""

    root: Path | None = None
    pinned: Path | None = None

    def get(self, task: Task, suite: str, compat: Compat | None) -> Manifest:
        """The manifest of a task. Raises GdbenchError where its items are not at hand."""
        return _cached(task.name, suite, compat, self.root, self.pinned)


@lru_cache(maxsize=64)
def _cached(
    name: str, suite: str, compat: Compat | None, root: Path | None, pinned: Path | None
) -> Manifest:
    task = TASKS.get(name)
    for folder in (pinned, SHIPPED if root is None else None):
        if folder is not None and (path := folder / name / pinned_name(suite, compat)).is_file():
            return Manifest.load(path)
    try:
        return Manifest.of(task.items(suite, root, compat, allow_partial=True))
    except OSError as error:
        raise GdbenchError(f"items of {name} ({suite}) cannot be read: {error}") from error
