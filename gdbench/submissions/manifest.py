"""The questions of a task, as far as verification needs them.

A manifest is made from the task's items (the mini suite always, the full suite with its data), or
read from a pinned file, which holds labels and fingerprints but no pictures and no captions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gdbench.errors import GdbenchError, InputError
from gdbench.protocol import Item, Label, Query
from gdbench.records import Compat
from gdbench.store import write_atomically
from gdbench.store.pages import count
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import read_bytes
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task, item_fingerprint, limited

_COLUMNS = ("id", "label", "digest")
SHIPPED = Path(__file__).parent / "pinned"
"""Pinned manifests that come with the package, `<task>/<suite>.parquet`; there need be none."""
_MAX_BYTES = 50_000_000  # the largest task has 50 000 items
_MAX_DECODED_BYTES = 500_000_000


@dataclass(frozen=True)
class Manifest:
    """Labels and fingerprints of a task's items, by id, in the task's order."""

    labels: Mapping[str, Label]
    digests: Mapping[str, bytes]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Manifest:
        """From a task's items."""
        labels: dict[str, Label] = {}
        digests: dict[str, bytes] = {}
        for item in items:
            labels[item.id] = item.label
            digests[item.id] = hashlib.sha256(item_fingerprint(item).encode()).digest()
        return cls(labels, digests)

    def sha256(self, ids: Iterable[str]) -> str:
        """The hash of these items; the same as `gdbench.tasks.base.manifest_sha256`."""
        return hashlib.sha256(b"".join(sorted(self.digests[i] for i in ids))).hexdigest()

    def limited(self, limit: int | None, seed: int) -> list[str]:
        """The ids that `gdbench evaluate --limit` chooses."""
        stand_ins = (
            Item(i, (), (), label.query, label.gold, label.subtask)
            for i, label in self.labels.items()
        )
        return [item.id for item in limited(stand_ins, limit, seed)]

    def save(self, path: Path) -> None:
        """Pin the manifest to a file."""
        rows = [_label_json(label) for label in self.labels.values()]
        table = pa.table(
            {"id": list(self.labels), "label": rows, "digest": list(self.digests.values())}
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_atomically(path, sink.getvalue().to_pybytes())

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """A pinned manifest. Raises InputError where it cannot be read."""
        try:
            data = read_bytes(path, _MAX_BYTES)
            file = pq.ParquetFile(
                pa.BufferReader(data),
                read_dictionary=list(_COLUMNS),  # a bomb of repeated texts stays small
                page_checksum_verification=True,
            )
            size = count(data, file.metadata).decoded_bytes
            if size <= _MAX_DECODED_BYTES:
                table = file.read(columns=list(_COLUMNS), use_threads=False)
                size = max(size, sum(map(_unfolded, table.columns)))
            if size > _MAX_DECODED_BYTES:
                raise InputError(f"{path} would take {size} bytes of memory")
            ids, rows, digests = (table.column(c).to_pylist() for c in _COLUMNS)
            labels = {i: _label(i, json.loads(row)) for i, row in zip(ids, rows, strict=True)}
        except Rejected as rejected:
            raise InputError(f"{path} {rejected.problem}") from rejected
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path} is not a manifest: {error}") from error
        return cls(labels, dict(zip(ids, digests, strict=True)))


def _unfolded(column: pa.ChunkedArray) -> int:
    """At most so many bytes for a column of texts that may be stored once each."""
    longest = 0
    for chunk in column.chunks:
        names = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        longest = max(longest, pc.max(pc.binary_length(names)).as_py() or 0)
    return longest * len(column)


def _label_json(label: Label) -> str:
    return json.dumps(
        [label.query.value, label.gold, label.n_images, label.n_texts, label.subtask,
         label.cluster, label.tags]
    )  # fmt: skip


def _label(name: str, row: Sequence[object]) -> Label:
    query, gold, n_images, n_texts, subtask, cluster, tags = row
    return Label(name, Query(query), tuple(gold), n_images, n_texts, subtask, cluster, tuple(tags))  # type: ignore[arg-type] # what _label_json wrote


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
