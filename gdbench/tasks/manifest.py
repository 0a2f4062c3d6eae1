"""Labels and fingerprints of a task's items in one file, without pictures and captions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gdbench.errors import InputError
from gdbench.protocol import Item, Label, Query
from gdbench.store import write_atomically
from gdbench.store.pages import UNREADABLE, count
from gdbench.tasks.base import item_fingerprint, limited

ITEMS = "items.parquet"
"""`RUN/<task>/items.parquet`: of own data, so that a run can be read without them."""
DEFINITION = "definition.json"
"""`RUN/<task>/definition.json`: what such a task is."""
_COLUMNS = ("id", "label", "digest")
_MAX_DECODED_BYTES = 500_000_000


@dataclass(frozen=True)
class Pinned:
    """Labels and fingerprints of a task's items, by id, in the task's order."""

    labels: Mapping[str, Label]
    digests: Mapping[str, bytes]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
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
    def parse(cls, data: bytes, path: Path) -> Self:
        """From the bytes of a file; `path` stands in errors. Raises InputError."""
        try:
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
        except (*UNREADABLE, TypeError) as error:
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
