"""Parquet files with named columns, as the Hugging Face hub keeps data sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gdbench.data.images import ends_well
from gdbench.data.own.columns import plain, role_of
from gdbench.data.own.packed import ParquetImage, look_at
from gdbench.data.own.pictures import Pictures
from gdbench.data.own.rows import Raw, Raws, Reader
from gdbench.store.pages import UNREADABLE

_SPLIT = re.compile(r"(train|test|validation|val|dev)(?:-\d+.*)?\Z")


def parquet_files(pictures: Pictures) -> list[str]:
    """Paths of the Parquet files in the root, or in `data/` or folders of splits below it."""
    top = pictures.listing("")
    if top is None:
        return []
    for folders in ([""], ["data"], top.folders):
        found = []
        for folder in folders:
            inside = pictures.listing(folder) if not folder or folder in top.folders else None
            names = [n for n in inside.files if n.endswith(".parquet")] if inside else []
            found += [f"{folder}/{n}".removeprefix("/") for n in names]
        if found:
            return sorted(found)
    return []


def split_of(path: str) -> str:
    """The split that a file's name, or its folder's, tells; empty: none."""
    parts = PurePosixPath(path)
    for name in (parts.stem, parts.parent.name):
        match = _SPLIT.match(name)
        if match:
            return match[1]
    return ""


def read_parquet(reader: Reader, paths: list[str]) -> Raws | None:
    """The rows of all files; None after a problem of one of them."""
    rows: list[Raw] = []
    columns: dict[str, None] = {}
    classes: tuple[str, ...] = ()
    picture: str | None = None
    for path in paths:
        try:
            with pq.ParquetFile(reader.root / path) as file:
                picture = _picture_column(reader, path, file.schema_arrow)
                classes = classes or _class_names(file.schema_arrow)
                columns |= dict.fromkeys(file.schema_arrow.names)
                rows += _rows(reader, path, file, picture)
        except UNREADABLE as error:
            words = " ".join(str(error).split())[:200]
            reader.problems.add(path, "", f"cannot be read as Parquet: {words}")
            return None
    names = tuple(name for name in columns if name != picture)
    file_name = paths[0] if len(paths) == 1 else "parquet files"
    return Raws("parquet", file_name, names, rows, picture, classes)


def _picture_column(reader: Reader, path: str, schema: pa.Schema) -> str | None:
    """The column that holds pictures as bytes; None: pictures are files, or there is a problem."""
    found = [f.name for f in schema if _holds_bytes(f.type)]
    named = [n for n in found if role_of(n) == "picture"] or found
    if len(named) > 1:
        problem = f"two columns hold pictures: {', '.join(named)}; rename or drop one"
        reader.problems.add(path, "", problem)
    return named[0] if named else None


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        names = [kind.field(k).name for k in range(kind.num_fields)]
        return "bytes" in names
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(schema: pa.Schema) -> tuple[str, ...]:
    """Names of a ClassLabel, which `datasets` keeps in the file's metadata."""
    try:
        info = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = info["info"]["features"]
        for name, feature in features.items():
            if role_of(plain(name)) == "class" and feature.get("_type") == "ClassLabel":
                return tuple(map(str, feature["names"]))
    except (ValueError, KeyError, AttributeError, TypeError):
        return ()
    return ()


def _rows(reader: Reader, path: str, file: pq.ParquetFile, picture: str | None) -> Iterator[Raw]:
    others = [name for name in file.schema_arrow.names if name != picture]
    split, number = split_of(path), 0
    for group in range(file.metadata.num_row_groups):
        table = file.read_row_group(group, columns=others)
        names = _picture_names(file, group, picture)
        for row, values in enumerate(_records(table, file.metadata.row_group(group).num_rows)):
            number += 1
            place = f"{path} row {number}" if split else f"row {number}"
            if picture is None:
                yield Raw(place, values, split=split)
                continue
            name = names[row] or f"{PurePosixPath(path).stem}/{number}"
            image = ParquetImage(reader.root / path, name, picture, group, row)
            if look_at(reader, image, path, f"row {number}", ends_well):
                yield Raw(place, values, image, name, split)


def _records(table: pa.Table, n: int) -> Iterator[dict[str, Any]]:
    if not table.num_columns:
        yield from ({} for _ in range(n))
        return
    yield from table.to_pylist()


def _picture_names(file: pq.ParquetFile, group: int, picture: str | None) -> list[str]:
    """The path beside each picture; empty where there is none."""
    n = file.metadata.row_group(group).num_rows
    if picture is None or not pa.types.is_struct(file.schema_arrow.field(picture).type):
        return [""] * n
    kind = file.schema_arrow.field(picture).type
    if "path" not in [kind.field(k).name for k in range(kind.num_fields)]:
        return [""] * n
    column = file.read_row_group(group, columns=[f"{picture}.path"]).column(0)
    return [str((value or {}).get("path") or "") for value in column.to_pylist()]
