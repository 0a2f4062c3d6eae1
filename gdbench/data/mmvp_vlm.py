"""MMVP-VLM: pictures that CLIP takes for alike, two by two, each with its statement."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.entry import Entry, HubSet, Shape
from gdbench.data.loading import Part, Source, load
from gdbench.protocol import Item, Query
from gdbench.records import Compat

SUBTASK = "pairs"
# the nine kinds of difference; their spelling is that of a public loader, not of the file
PATTERNS = (
    "Orientation",
    "Presence",
    "State",
    "Quantity",
    "Spatial",
    "Color",
    "Structural Character",
    "Text",
    "Camera Perspective",
)
_COLUMNS = ("Question ID", "Type", "Statement")
_FOLDERS = ("MLLM_VLM Images", "MMVP_VLM_Images")
_TEMPLATE = "a photo of {}"  # that of the authors' script
_HUB = HubSet(
    "MMVP/MMVP_VLM",
    "211372d5357398f914d806d07dc305aea1f257d2",
    "train",
    license="MIT as the code says; the pictures' terms are not stated",
)
_Row = tuple[str, str]  # pattern and statement


def _rows(source: Source, path: str) -> dict[int, _Row]:
    """Pattern and statement by number; whatever is malformed is noted and left out."""
    text = source.tree.text(path)
    table = csv.DictReader(io.StringIO(text or ""), skipinitialspace=True)
    if text is None:
        return {}
    missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        have = ", ".join(table.fieldnames or ()) or "none"
        source.problems.add(path, missing[0], f"no such column; there are: {have}")
        return {}
    found: dict[int, _Row] = {}
    for index, row in enumerate(table):
        number, pattern, statement = (str(row[name] or "").strip() for name in _COLUMNS)
        wrong = ""
        if not number.isdecimal() or not int(number):
            wrong = f"Question ID is {number!r}, expected a number from 1"
        elif int(number) in found:
            wrong = f"Question ID {number} stands twice"
        elif not pattern or not statement:
            wrong = "Type or Statement is empty"
        if wrong:
            source.problems.add(path, f"row {index}", wrong)
        else:
            found[int(number)] = (pattern, statement)
    return found


def _read(source: Source, path: str) -> Iterator[Item]:
    """Pictures 1 and 2 are a pair, 3 and 4, and so on; each lies in a folder of its pattern."""
    rows = _rows(source, path)
    home = PurePosixPath(path).parent
    folder = source.tree.first(*(f"{home}/{name}" for name in _FOLDERS)) or f"{home}/{_FOLDERS[0]}"
    for first in sorted(number - 1 + number % 2 for number in rows):
        entry = f"Question ID {first} and {first + 1}"
        pair = [rows.pop(number, None) for number in (first, first + 1)]
        if pair == [None, None]:
            continue
        whole = [row for row in pair if row is not None]
        wrong = ""
        if len(whole) < len(pair):
            wrong = "one of the pair is missing"
        elif whole[0][0] != whole[1][0]:
            wrong = f"a pair of two types: {whole[0][0]}, {whole[1][0]}"
        elif whole[0][1] == whole[1][1]:
            wrong = f"both statements are {whole[0][1]!r}"
        if wrong:
            source.problems.add(path, entry, wrong)
            continue
        pattern = whole[0][0]
        names = [f"{folder}/{pattern}/{number}.jpg" for number in (first, first + 1)]
        found = [source.tree.image(name, path, entry) for name in names]
        images = tuple(image for image in found if image is not None)
        if len(images) == len(found):
            yield Item(
                id=f"mmvp_vlm/{first}",
                images=images,
                texts=tuple(_TEMPLATE.format(statement) for _, statement in whole),
                query=Query.MATCHING,
                gold=(0, 1),
                subtask=SUBTASK,
                tags=(pattern,),
            )


PARTS = (Part(("mmvp_vlm/Questions.csv", f"{_HUB.folder}/Questions.csv"), _read),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={SUBTASK: 135},
    shapes={SUBTASK: Shape(Query.MATCHING, 2, 2)},
    folders=("mmvp_vlm",),
    hub=(_HUB,),
    hub_role="enough",
    license=_HUB.license,
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """The 135 pairs; see `gdbench.data.loading.load` for what is raised."""
    return load("mmvp_vlm", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
