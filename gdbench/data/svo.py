"""SVO-Probes: one sentence, two pictures that differ in subject, verb or object.

Many pictures of the published list are gone from the web, so the set is "whatever survives";
the hash of the surviving list is part of the task's manifest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_KINDS = ("verb", "subj", "obj")
_FIELDS = {"pos_id": str, "neg_id": str, "sentence": str, "neg_type": str}
FLAGS = {"subj_neg": "subj", "verb_neg": "verb", "obj_neg": "obj"}


def _item(
    source: Source, row: Mapping[str, Any], file: str, entry: str, repeats: Counter[str]
) -> Item | None:
    kind = row["neg_type"]
    names = [f"svo/images/{row[key]}" for key in ("pos_id", "neg_id")]
    source.tree.used.update(names)
    images = tuple(i for n in names if (i := source.tree.image(n, file, entry)) is not None)
    if kind not in _KINDS:
        source.problems.add(file, entry, f"neg_type is {kind!r}, expected {', '.join(_KINDS)}")
        return None
    if names[0] == names[1]:
        source.problems.add(file, entry, f"both pictures are {row['pos_id']}")
        return None
    if len(images) != len(names):
        return None
    stems = "-".join(PurePosixPath(row[key]).stem for key in ("pos_id", "neg_id"))
    sentence = hashlib.sha256(row["sentence"].encode()).hexdigest()[:8]
    name = f"svo/{kind}/{stems}/{sentence}"
    repeats[name] += 1
    if repeats[name] > 1:
        source.problems.add(file, entry, f"repeats an earlier row ({name})", blocking=False)
        return None
    return Item(
        id=name,
        images=images,
        texts=(row["sentence"],),
        query=Query.IMAGE_RETRIEVAL,
        gold=(0,),
        subtask=kind,
        cluster=f"svo/{PurePosixPath(row['pos_id']).stem}",
    )


def _read(source: Source, path: str) -> Iterator[Item]:
    repeats: Counter[str] = Counter()
    for index, found in enumerate(source.tree.json(path, list) or []):
        row = fields(_with_text_ids(found), _FIELDS, path, f"row {index}", source.problems)
        if row is not None:
            item = _item(source, row, path, f"row {index}", repeats)
            if item is not None:
                yield item
    source.tree.stray("svo/images", source.tree.used)


def _with_text_ids(row: object) -> object:
    """The row with ids as text: the release reads both `"0.jpg"` and `0`."""
    if not isinstance(row, dict):
        return row
    numbers = {k: str(row[k]) for k in ("pos_id", "neg_id") if type(row.get(k)) is int}
    return row | numbers


def _read_hub(source: Source, rows: HubRows) -> Iterator[Item]:
    """Rows whose two pictures were fetched to `svo/images/<id>.jpg`."""
    repeats: Counter[str] = Counter()
    n_rows, gone = len(rows), 0
    columns = ("sentence", "pos_image_id", "neg_image_id", *FLAGS)
    for index, row in rows.texts(*columns):
        kind = next((kind for flag, kind in FLAGS.items() if _true(row[flag])), "")
        plain = {
            "pos_id": f"{row['pos_image_id']}.jpg",
            "neg_id": f"{row['neg_image_id']}.jpg",
            "sentence": row["sentence"],
            "neg_type": kind,
        }
        there = [source.tree.has(f"svo/images/{plain[k]}") for k in ("pos_id", "neg_id")]
        if not all(there):
            gone += 1
            continue
        item = _item(source, plain, rows.file, f"row {index}", repeats)
        if item is not None:
            yield item
    source.problems.notes.append(f"svo: pictures of {gone:,} of {n_rows:,} rows are not there")


def _true(value: object) -> bool:
    return value is True or str(value).strip().lower() in ("true", "1")


PARTS = (Part(("svo/svo.json",), _read, CATALOGUE["svo"].hub[0], _read_hub),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of the three sub-tasks; see `gdbench.data.loading.load` for what is raised."""
    return load("svo", PARTS, root, compat, allow_partial=allow_partial)
