"""Which of the containers a path is, and its rows as they stand there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gdbench.data.own.parquet import parquet_files, read_parquet
from gdbench.data.own.pictures import ENDINGS, Listing, Pictures
from gdbench.data.own.rows import Raw, Raws, Reader
from gdbench.data.own.texts import read_table
from gdbench.data.own.webdataset import read_shards, shards_of

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
_USUAL = ("captions", "metadata", "annotations", "results")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
_EXPECTED = (
    "expected captions.csv or captions.jsonl with the columns file and caption, Parquet files, "
    "WebDataset shards, or a folder for each class"
)


def read_raws(reader: Reader, pictures: Pictures, file: str | None) -> Raws | None:
    """The rows of a folder, or of the one file in it that was given; None after a problem."""
    if file is None:
        return _read_folder(reader, pictures)
    suffix = Path(file).suffix.lower()
    if suffix == ".parquet":
        return read_parquet(reader, [file])
    if suffix in _TABLES or suffix == ".txt":
        return _table(reader, [(file, "")])
    if suffix == ".tar":
        return read_shards(reader, [(file, "")])
    what = (
        "is a packed archive: unpack it and give the folder" if suffix in _ARCHIVES else _EXPECTED
    )
    reader.problems.add(file, "", what)
    return None


def _read_folder(reader: Reader, pictures: Pictures) -> Raws | None:
    top = pictures.listing("") or Listing()
    tables = _table_of(top)
    if len(tables) > 1:
        problem = (
            f"{len(tables)} files could hold the captions: {', '.join(tables)}; give the one that "
            "is meant, e.g. --data "
        )
        reader.problems.add("", "", f"{problem}{reader.root.name}/{tables[0]}")
        return None
    if tables:
        return _table(reader, [(tables[0], "")])
    inner = _inner_tables(pictures, top)
    if inner:
        return _table(reader, inner)
    files = parquet_files(pictures)
    if files:
        return read_parquet(reader, files)
    shards = shards_of(pictures)
    if shards:
        return read_shards(reader, shards)
    return _class_folders(reader, pictures, top)


def _table_of(folder: Listing) -> list[str]:
    """The files that could hold captions: those with a usual name, else all tables."""
    names = sorted(n for n in folder.files if n.lower().endswith((*_TABLES, ".txt")))
    usual = [n for n in names if PurePosixPath(n).stem.lower() in _USUAL]
    # any other JSON may be words, and any other text notes
    return usual or [n for n in names if not n.lower().endswith((".json", ".txt"))]


def _inner_tables(pictures: Pictures, top: Listing) -> list[tuple[str, str]]:
    """`metadata.csv` (or .jsonl) of each split, as image folders of the hub have them."""
    inner = [(folder, pictures.listing(folder)) for folder in top.folders]
    return [
        (f"{folder}/{name}", folder)
        for folder, inside in inner
        for name in (_table_of(inside)[:1] if inside else [])
        if PurePosixPath(name).stem.lower() in ("metadata", "captions")
    ]


def _table(reader: Reader, files: Sequence[tuple[str, str]]) -> Raws | None:
    """Rows of one table, or of one for each split."""
    rows: list[Raw] = []
    columns: dict[str, None] = {}
    for file, split in files:
        table = read_table(reader, reader.root / file, file)
        if table is None:
            return None
        columns |= dict.fromkeys(table[0])
        for row in table[1]:
            place = f"{file} {row.place}" if split else row.place
            rows.append(replace(row, place=place, split=split))
    name = files[0][0] if len(files) == 1 else "metadata files"
    return Raws("table" if len(files) == 1 else "imagefolder", name, tuple(columns), rows)


def _class_folders(reader: Reader, pictures: Pictures, top: Listing) -> Raws | None:
    """A folder for each class, perhaps below one for each split; its name is the label."""
    splits = [name for name in top.folders if name.lower() in _SPLITS]
    rows = list(_labelled(pictures, splits if splits == top.folders and splits else [""]))
    reader.used.update(row.values["file"] for row in rows)
    if rows:
        return Raws("classes", ".", ("file", "class"), rows)
    reader.problems.add("", "", _nothing(top))
    return None


def _labelled(pictures: Pictures, splits: Sequence[str]) -> Iterator[Raw]:
    for split in splits:
        inside = pictures.listing(split)
        prefix = f"{split}/" if split else ""
        for label in inside.folders if inside else ():
            for path in pictures.below(prefix + label):
                yield Raw("", {"file": path, "class": label}, split=split)


def _nothing(top: Listing) -> str:
    """Why there are no rows."""
    packed = sorted(n for n in top.files if n.lower().endswith(_ARCHIVES))
    if packed:
        return f"no captions, and {packed[0]} is still packed: unpack it; {_EXPECTED}"
    linked = sorted(n for n in top.links if n.lower().endswith((*_TABLES, ".parquet", ".tar")))
    if linked:
        return f"{linked[0]} is a link, which is not followed: put a copy inside, or give the file"
    n = sum(name.lower().endswith(ENDINGS) for name in top.files)
    what = f"{n:,} pictures and no captions" if n else "neither captions nor pictures"
    return f"{what}: {_EXPECTED}"
