"""WebDataset: tar shards whose members of one key make a sample, as CLIP_benchmark lays them out.

`<split>/<n>.tar` (or tars in the folder itself) with `key.jpg`, `key.txt` (captions, one a line)
or `key.cls` (number of the class) or `key.json` (columns); beside them `classnames.txt` and
`zeroshot_classification_templates.txt`.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdbench.data.images import ends_well
from gdbench.data.own.packed import TarImage, look_at
from gdbench.data.own.pictures import ENDINGS, Pictures, fault_of
from gdbench.data.own.rows import Raw, Raws, Reader
from gdbench.data.own.texts import read_text

_MOST_TEXT = 1_000_000  # bytes of one member that is no picture
_TEXTS = {"txt": "caption", "caption": "caption", "text": "caption"}
_OTHER = frozenset({"cls", "json", *_TEXTS})


@dataclass
class _Sample:
    key: str
    image: TarImage | None = None
    values: dict[str, Any] = field(default_factory=dict)


def shards_of(pictures: Pictures) -> list[tuple[str, str]]:
    """(path, split) of the shards below the root, in their order; empty where there is none."""
    top = pictures.listing("")
    if top is None:
        return []
    found = [(name, "") for name in top.files if name.endswith(".tar")]
    if not found:
        for folder in top.folders:
            inside = pictures.listing(folder)
            names = [n for n in inside.files if n.endswith(".tar")] if inside else []
            found += [(f"{folder}/{name}", folder) for name in names]
    return sorted(found, key=lambda pair: (pair[1], _natural(pair[0])))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", name))


def read_shards(reader: Reader, shards: list[tuple[str, str]]) -> Raws:
    """The samples of all shards as rows."""
    rows: list[Raw] = []
    seen: set[str] = set()
    for path, split in shards:
        for sample in _samples(reader, path):
            name = sample.key if sample.key not in seen else f"{Path(path).stem}/{sample.key}"
            seen.add(sample.key)
            rows.append(Raw(f"{path}: {sample.key}", sample.values, sample.image, name, split))
    columns = tuple(dict.fromkeys(name for row in rows for name in row.values))
    _check_count(reader, shards)
    return Raws(
        layout="webdataset",
        file=shards[0][0] if len(shards) == 1 else "shards",
        columns=columns,
        rows=rows,
        picture_column="(picture)",
        classes=tuple(_lines(reader, "classnames.txt")),
        prompt=next(iter(_templates(reader)), None),
    )


def _check_count(reader: Reader, shards: list[tuple[str, str]]) -> None:
    """`nshards.txt` of each split says how many shards there have to be."""
    for split in sorted({split for _, split in shards}):
        file = f"{split}/nshards.txt" if split else "nshards.txt"
        said = _lines(reader, file)
        n = sum(s == split for _, s in shards)
        if said and said[0].isdigit() and int(said[0]) != n:
            reader.problems.add(file, "", f"{said[0]} shards, {n} are here")


def _lines(reader: Reader, file: str) -> list[str]:
    path = reader.root / file
    text = read_text(reader, path, file) if path.is_file() else None
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _templates(reader: Reader) -> Iterator[str]:
    templates = _lines(reader, "zeroshot_classification_templates.txt")
    if len(templates) > 1:
        reader.problems.notes.append(
            f"of {len(templates)} templates the first is used: {templates[0]}"
        )
    yield from templates


def _samples(reader: Reader, path: str) -> Iterator[_Sample]:
    """The samples of one shard, in its order."""
    found: dict[str, _Sample] = {}
    try:
        with tarfile.open(reader.root / path, "r:") as shard:
            for member in shard:
                _add_member(reader, path, shard, member, found)
    except (tarfile.TarError, OSError, EOFError) as error:
        words = " ".join(str(error).split())
        problem = f"cannot be read as an uncompressed tar ({words})"
        reader.problems.add(path, "", problem)
    for sample in found.values():
        if sample.image is None:
            reader.problems.add(path, sample.key, "a sample without a picture")
        elif look_at(reader, sample.image, path, sample.key, ends_well):
            yield sample


def _add_member(
    reader: Reader, path: str, shard: tarfile.TarFile, member: tarfile.TarInfo,
    found: dict[str, _Sample],
) -> None:  # fmt: skip
    name = member.name.removeprefix("./")
    if member.isdir() or not name:
        return
    wrong = fault_of(name)
    if wrong or not member.isreg() or member.issparse():
        reader.problems.add(path, name, wrong or "is a link or device")
        return
    folder, _, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    if not stem or not ending:
        return
    key = f"{folder}/{stem}" if folder else stem
    ending = ending.lower()
    if f".{ending}" not in ENDINGS and ending not in _OTHER:
        note = f"members of other kinds are not used, such as {ending}"
        if note not in reader.problems.notes:
            reader.problems.notes.append(note)
    if f".{ending}" in ENDINGS:
        sample = found.setdefault(key, _Sample(key))
        if sample.image is not None:
            reader.problems.add(path, key, "a sample with two pictures")
        image = TarImage(reader.root / path, name, member.offset_data, member.size)
        sample.image = image
    elif ending in _OTHER:
        data = shard.extractfile(member)
        if member.size > _MOST_TEXT or data is None:
            reader.problems.add(path, name, "a text of more than 1 MB")
            return
        _add_text(reader, path, name, data.read(), found.setdefault(key, _Sample(key)))


def _add_text(reader: Reader, path: str, name: str, data: bytes, sample: _Sample) -> None:
    ending = name.rpartition("/")[2].partition(".")[2].lower()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        reader.problems.add(path, name, "not UTF-8")
        return
    if ending == "cls":
        word = text.strip()
        sample.values["cls"] = int(word) if word.isdecimal() else word
    elif ending == "json":
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict):
            sample.values.update(values)
        else:
            reader.problems.add(path, name, "not a JSON object")
    else:
        sample.values["caption"] = [line.strip() for line in text.splitlines() if line.strip()]
